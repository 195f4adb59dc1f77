"""The metrics as a scraper reads them: the same figures as the command, in every format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parsed_open,
)
from prometheus_client.parser import text_string_to_metric_families as parsed_plain

from tests.export.asking import Ask, SetUp
from tests.factories import WorkItemFactory
from tests.management.calls import call
from workflow_engine import clock
from workflow_engine.metrics.counts import Counts
from workflow_engine.metrics.reading import figures_ever
from workflow_engine.models import (
    CacheOutbox,
    MetricBucket,
    MetricSource,
    Pause,
    WorkItem,
)
from workflow_engine.models.metric_source import CacheUse

pytestmark = pytest.mark.django_db

PLAIN = "text/plain; version=0.0.4; charset=utf-8"
OPEN = "application/openmetrics-text; version=1.0.0; charset=utf-8"
#: As a Prometheus of today asks.
SCRAPER = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
HAS_OUTBOX = pytest.mark.postgres

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def _counted() -> None:
    """Count as processes do, and write it down, in two flushes of two days."""
    for ago in (timedelta(0), timedelta(days=1)):
        own = Counts()
        own.add("fired", "event", "sent", 3)
        own.add("workflows", "hit", "near", 90)
        own.add("workflows", "miss", "absent", 10)
        own.add("workflows", "verify", "checked", 2)
        own.add("workflows", "verify", "equal", 1)
        own.add("workflows", "verify", "stale", 1)
        own.add("", "error", "timeout", 4)
        own.observe("workflows", "load", "ms", 2.5)
        own.observe("email", "action", "", 120.0)
        MetricBucket.objects.add(own.take(), clock.now() - ago)


def _samples(
    answer: HttpResponse, parse: Callable[[str], Any] = parsed_plain
) -> Samples:
    """Return what was answered, by name and labels, without the name of the app."""
    assert answer.status_code == 200
    return dict(_read(parse(answer.content.decode())))


def _read(families: Any) -> Iterator[Any]:
    for family in families:
        for one in family.samples:
            name = one.name.removeprefix("workflow_engine_")
            yield (name, tuple(sorted(one.labels.items()))), one.value


def _named(samples: Samples, name: str) -> dict[tuple[str, ...], float]:
    """Return the values of one family by the values of its labels, sorted by their names."""
    return {
        tuple(value for _, value in labels): number
        for (own, labels), number in samples.items()
        if own == name
    }


def test_metrics__running_totals(ask: Ask) -> None:
    _counted()

    samples = _samples(ask())

    assert _named(samples, "events_total") == {("fired", "sent"): 6}
    assert _named(samples, "lookup_reads_total") == {
        ("workflows", "near", "hit"): 180,
        ("workflows", "absent", "miss"): 20,
    }
    assert _named(samples, "lookup_stale_total")[("workflows",)] == 2
    assert _named(samples, "lookup_errors_total") == {("timeout",): 8}
    assert _named(samples, "action_seconds_count") == {("email",): 2}
    assert _named(samples, "action_seconds_sum") == {("email",): 0.24}
    assert _named(samples, "action_seconds_bucket")[("email", "0.2")] == 2
    assert _named(samples, "action_seconds_bucket")[("email", "0.1")] == 0
    written = {(f.scope, f.counter, f.reason): f.count for f in figures_ever("default")}
    assert written["workflows", "hit", "near"] == 180


def test_metrics__agree_with_the_command(ask: Ask) -> None:
    now = clock.now()
    _counted()
    WorkItemFactory(due_at=now + timedelta(hours=1))
    WorkItemFactory.create_batch(2, due_at=now - timedelta(minutes=5))
    WorkItemFactory(state="dead", finished_at=now)
    Pause.objects.create(since=now)

    samples = _samples(ask())
    (report,) = call("workflow_status", "--json").lines()

    parts = {part["name"]: part["facts"] for part in report["parts"]}
    states = _named(samples, "items")
    assert {state: parts["items"][state] for (state,) in states if state != "dead"} == {
        state: number for (state,), number in states.items() if state != "dead"
    }
    assert states[("overdue",)] == 2
    assert states[("dead",)] == parts["dead letters"]["dead"] == 1
    late = samples["oldest_due_seconds", ()]
    assert 300 <= late <= parts["items"]["late_seconds"]
    assert samples["paused", ()] == 1
    # Of today alone, as the window of the command.
    reads = sum(_named(samples, "lookup_reads_total").values()) / 2
    assert parts["look-ups"]["reads"] == reads
    stale = sum(_named(samples, "lookup_stale_total").values()) / 2
    assert parts["look-ups"]["stale"] == stale


@HAS_OUTBOX
def test_metrics__outbox(ask: Ask) -> None:
    empty = _samples(ask())
    at = clock.now() - timedelta(seconds=40)
    CacheOutbox.objects.create(source="workflow_engine_workflow", created_at=at)

    owed = _samples(ask())

    assert empty["outbox_rows", ()] == 0
    assert ("outbox_oldest_seconds", ()) not in empty
    assert owed["outbox_rows", ()] == 1
    assert 40 <= owed["outbox_oldest_seconds", ()] < 100


@HAS_OUTBOX
def test_metrics__sources(ask: Ask) -> None:
    now = clock.now()
    for name, ago, cache_use in (
        ("web", 5, CacheUse.USED),
        ("worker", 7, CacheUse.GIVEN_UP),
        ("killed", 600, CacheUse.USED),
    ):
        at = now - timedelta(seconds=ago)
        MetricSource.objects.create(
            name=name,
            started_at=at,
            flushed_at=at,
            expected_at=at + timedelta(seconds=10),
            cache_use=cache_use,
        )

    samples = _samples(ask())

    assert _named(samples, "sources") == {("heard",): 2, ("silent",): 1}
    assert samples["breaker_open", ()] == 1
    assert 5 <= samples["figures_age_seconds", ()] < 60


def test_metrics__what_is_unknown_is_absent(set_up: SetUp, ask: Ask) -> None:
    set_up(METRICS=False, CACHE_ALIAS=None)

    samples = _samples(ask())

    assert {name for name, _ in samples} == {"items", "items_resent", "paused"}


def test_metrics__series_do_not_come_and_go(ask: Ask) -> None:
    before = _samples(ask())
    _counted()

    after = _samples(ask())

    assert set(before) <= set(after)
    new = {name for name, _ in set(after) - set(before)}
    assert {name for name in new if name.startswith("lookup_stale")} == set()
    for name in ("item_lateness_seconds", "lookup_invalidation_lag_seconds"):
        buckets = _named(after, f"{name}_bucket")
        assert (len(buckets), set(buckets.values())) == (21, {0})


def test_metrics__counters_go_on_when_days_are_pruned(set_up: SetUp, ask: Ask) -> None:
    set_up(METRICS_RETAIN_HOURS={"minute": 1, "hour": 1, "day": 1})
    _counted()
    before = _samples(ask())

    call("workflow_prune")
    after = _samples(ask())

    assert MetricBucket.objects.filter(size="ever").exists()
    counted = {key for key in before if key[0].endswith(("_total", "_count", "_sum"))}
    assert {key: after[key] for key in counted} == {key: before[key] for key in counted}


def test_metrics__cost(ask: Ask) -> None:
    _counted()

    with CaptureQueriesContext(connection) as queries:
        ask()

    most = 5 if connection.vendor == "postgresql" else 4
    assert len(queries) <= most, [one["sql"] for one in queries]


@HAS_OUTBOX
def test_metrics__cost_of_a_long_history(ask: Ask) -> None:
    with CaptureQueriesContext(connection) as queries:
        ask()

    table = WorkItem._meta.db_table
    about_items = [one["sql"] for one in queries if f'"{table}"' in one["sql"]]
    (plan,) = [_plan(sql) for sql in about_items]
    for index in ("scheduled", "claimed", "dead"):
        assert f"wfe_item_{index}" in plan, plan
    assert f"Seq Scan on {table}" not in plan


def _plan(sql: str) -> str:
    """Return how a statement is carried out, where reading it all is the last resort."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {sql}")
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", PLAIN),
        ("*/*", PLAIN),
        ("text/html", PLAIN),
        ("text/plain; version=0.0.4", PLAIN),
        (
            "application/openmetrics-text; version=1.0.0",
            OPEN,
        ),
        (SCRAPER, OPEN),
    ],
)
def test_metrics__format(ask: Ask, accept: str, content_type: str) -> None:
    _counted()

    answer = ask(accept)

    assert answer["Content-Type"].startswith(content_type)
    parse = parsed_open if content_type.startswith("application/") else parsed_plain
    assert _samples(answer, parse) == _samples(ask())


def test_metrics__format_that_nobody_knows(ask: Ask) -> None:
    answer = ask("application/openmetrics-text; version=new")

    assert answer.status_code == 200


def test_metrics__is_not_kept(ask: Ask) -> None:
    answer, head = ask(), ask(method="head")

    assert "no-store" in answer["Cache-Control"]
    assert "Accept" in answer["Vary"].split(", ")
    assert (head.status_code, head.content) == (200, b"")
