"""Cache figures: what pages, commands and exports are told, with gaps where nothing is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import override_settings

from tests.management.calls import call
from workflow_engine import clock
from workflow_engine.caches import declared
from workflow_engine.metrics.counts import Counts, Figure
from workflow_engine.metrics.windows import Window, window_of
from workflow_engine.models import MetricBucket, MetricSource
from workflow_engine.status.cache_figures import ALL, Slot, read

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 3, 12, 34, 56, tzinfo=UTC)
MINUTE = NOW.replace(second=0)


def of(name: str) -> Window:
    window = window_of(name, NOW)
    assert window is not None
    return window


def write(*written: tuple[str, str, str, int], minutes_ago: int = 0) -> None:
    found = [Figure(scope=s, counter=c, reason=r, count=n) for s, c, r, n in written]
    MetricBucket.objects.add(found, NOW - timedelta(minutes=minutes_ago))


def test_read__nothing_was_ever_counted() -> None:
    figures = read("default", of("1h"))

    names = [one.name for one in declared]
    assert [line.scope for line in figures.lines] == names
    assert list(figures.slots) == [ALL, *names]
    assert {len(slots) for slots in figures.slots.values()} == {60}
    assert {slot.hits for slot in figures.slots[ALL]} == {None}
    told = figures.json()
    assert told["total"]["hit_share"] is told["total"]["stale"] is None
    assert told["sources"]["figures_at"] is told["lag"]["p99_ms"] is None
    assert {one["hits"] for one in told["slots"]} == {None}


def test_read__gaps_are_not_zero() -> None:
    write(("workflows", "hit", "near", 3), ("detectors", "miss", "absent", 1))
    write(("workflows", "bypass", "busy", 2), minutes_ago=2)
    write(("workflows", "forgot", "save:workflow", 2), minutes_ago=1)

    slots = read("default", of("1h")).slots

    assert slots["workflows"][-3:] == (
        Slot(at=MINUTE - timedelta(minutes=2), hits=0, misses=0, bypasses=2),
        Slot(at=MINUTE - timedelta(minutes=1)),
        Slot(at=MINUTE, hits=3, misses=0, bypasses=0),
    )
    assert slots[ALL][-1] == Slot(at=MINUTE, hits=3, misses=1, bypasses=0)
    assert [slot.hit_share for slot in slots[ALL][-3:]] == [0.0, None, 0.75]


@pytest.mark.parametrize("wanted", [None, (), ("workflows",), ("", "detectors")])
def test_read__slots_of_some_are_those_of_each(wanted: Any) -> None:
    write(("workflows", "hit", "near", 3), ("detectors", "miss", "absent", 1))
    write(("older", "hit", "cell", 5), minutes_ago=9)
    window = of("8h")

    figures = read("default", window, slots_of=wanted)

    each = read("default", window).slots
    names = each if wanted is None else {ALL, *wanted}
    assert figures.slots == {name: each[name] for name in names}
    assert sum(slot.reads or 0 for slot in figures.slots[ALL]) == 9
    assert figures.total.reads == 9


def test_read__an_access_of_an_older_release_is_told_too() -> None:
    write(("older", "hit", "cell", 5), ("", "error", "timeout", 2))
    write(("fired", "event", "sent", 7), ("email", "delivery", "failed", 7))

    figures = read("default", of("24h"))

    assert [line.scope for line in figures.lines] == [
        *(one.name for one in declared),
        "older",
    ]
    assert figures.line("older").count("hit") == figures.keys_answered == 5
    assert figures.line("never").reads == 0
    assert set(figures.total.reasons) >= {"hit", "error"}
    assert not {"event", "delivery"} & set(figures.total.reasons)


def test_read__who_wrote_and_which_releases_began() -> None:
    for number, (release, days) in enumerate([("1", 9), ("2", 2), ("2", 1), ("3", 0)]):
        MetricSource.objects.create(
            name=str(number),
            release=release,
            started_at=NOW - timedelta(days=days),
            flushed_at=NOW - timedelta(minutes=days),
            expected_at=NOW - timedelta(minutes=2) if days == 1 else None,
        )

    figures = read("default", of("7d"))

    assert figures.sources.flushed_at == NOW
    assert (figures.sources.living, figures.sources.silent) == (4, 1)
    assert [(one.name, one.at) for one in figures.releases] == [
        ("2", NOW - timedelta(days=2)),
        ("3", NOW),
    ]


def test_json__has_what_was_measured() -> None:
    own = Counts()
    own.observe("workflows", "load", "ms", 4.0)
    own.observe("", "lag", "", 1.0)
    MetricBucket.objects.add(own.take(), NOW)

    told = read("default", of("1h"), slots_of=()).json()

    (line,) = (one for one in told["accesses"] if one["access"] == "workflows")
    assert line["load_p99_ms"] == pytest.approx(4.0, rel=0.01)
    assert told["lag"]["highest_ms"] == 1.0
    assert "load.le" not in line["counters"]
    assert told["slots_by_access"] == {}


def test_read__modes_and_store() -> None:
    given = {"CACHE_ALIAS": None, "CACHE_MODE": {"workflows": "shadow"}}
    with override_settings(WORKFLOW_ENGINE=given):
        figures = read("default", of("1h"))

    assert figures.modes["workflows"] == "shadow"
    assert figures.modes["detectors"] == "enabled"
    assert (figures.alias, figures.debt) == (None, None)


def test_json__says_what_the_command_says() -> None:
    figures = [
        Figure(scope="workflows", counter="hit", reason="near", count=9),
        Figure(scope="detectors", counter="miss", reason="absent", count=1),
    ]
    now = clock.now()
    MetricBucket.objects.add(figures, now - timedelta(minutes=5))
    window = window_of("1h", now)
    assert window is not None

    (said,) = call("workflow_cache", "stats", "--json").lines()

    told = read("default", window).json()
    assert said["figures"] == told["accesses"]
    assert said["total"] == told["total"]
    assert said["total"]["hit_share"] == 0.9
    assert said["window"]["slot_seconds"] == told["window"]["slot_seconds"]
