"""The cache page: what was counted is what is shown; a gap is a gap, and silence is told."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from tests.factories import WorkflowFactory
from workflow_engine import clock
from workflow_engine.admin.cache.words import REASONS, cause_words
from workflow_engine.caches import declared
from workflow_engine.metrics.counts import Counts
from workflow_engine.models import CacheForget, CacheOutbox, MetricBucket, MetricSource
from workflow_engine.models.cache_forget import joined

pytestmark = pytest.mark.django_db

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = "/admin/workflow_engine/cache/"
MINUTE = timedelta(minutes=1)
MOST_QUERIES = 12
_FIGURE = re.compile(r'<data data-figure="([^"]*)" value="([^"]*)">([^<]*)</data>')


def page(client: Client, **query: str) -> str:
    response = client.get(PAGE, query)
    assert response.status_code == 200
    return str(response.content.decode())


def figures(text: str) -> dict[str, str]:
    """Return the exact value of every number; "" = unknown."""
    return {name: value for name, value, _shown in _FIGURE.findall(text)}


def shown(text: str) -> dict[str, str]:
    """Return every number as people read it."""
    return {name: words for name, _value, words in _FIGURE.findall(text)}


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def source(**fields: Any) -> MetricSource:
    now = clock.now()
    given = {"name": f"host-{now.timestamp()}", "started_at": now - timedelta(days=1)}
    return MetricSource.objects.create(**given | {"flushed_at": now} | fields)


def workload(ago: timedelta = timedelta(0)) -> None:
    """Count what two accesses went through, and write it down as processes do."""
    counts = Counts()
    counts.add("workflows", "hit", "near", 11_000)
    counts.add("workflows", "hit", "cell", 841)
    counts.add("workflows", "miss", "absent", 47)
    counts.add("workflows", "miss", "schema", 13)
    counts.add("workflows", "bypass", "transaction", 3)
    counts.add("workflows", "refused", "gone", 2)
    counts.add("workflows", "forgot", "save:workflow", 9)
    counts.add("workflows", "forgot", "sweep:condition", 1)
    counts.add("workflows", "forgot_all", "hand", 2)
    counts.add("workflows", "verify", "checked", 600)
    counts.add("workflows", "verify", "equal", 600)
    counts.add("detectors", "hit", "near", 90)
    counts.add("detectors", "empty", "", 25)
    counts.add("detectors", "miss", "absent", 10)
    for milliseconds in (1.5, 1.5, 4.0):
        counts.observe("workflows", "load", "ms", milliseconds)
    counts.observe("", "lag", "", 3.0)
    MetricBucket.objects.add(counts.take(), clock.now() - ago)


def test_page__shows_what_was_counted(reader: Client) -> None:
    source()
    workload()
    workload(ago=timedelta(minutes=20))

    found = figures(page(reader))

    assert {name: found[name] for name in found if name.startswith("workflows.")} == {
        "workflows.reads": "23808",
        "workflows.hit_share": f"{11_841 / 11_904:.12g}",
        "workflows.near_share": f"{11_000 / 11_904:.12g}",
        "workflows.empty_share": "0",
        "workflows.misses": "120",
        "workflows.bypasses": "6",
        "workflows.refused": "4",
        "workflows.load_p50_ms": found["workflows.load_p50_ms"],
        "workflows.load_p99_ms": found["workflows.load_p99_ms"],
        "workflows.forgotten": "20",
        "workflows.stale": "0",
    }
    assert 1 < float(found["workflows.load_p50_ms"]) <= 2
    assert 2 < float(found["workflows.load_p99_ms"]) <= 4
    assert found["detectors.empty_share"] == "0.25"
    assert found["all.reads"] == found["reads"] == "24008"
    assert found["hits"] == "23862"
    assert found["misses"] == "140"
    assert found["hit_share"] == f"{23_862 / 24_008:.12g}"
    assert (found["verified"], found["stale"]) == ("1200", "0")
    assert (found["miss.absent"], found["miss.schema"]) == ("114", "26")
    assert (found["bypass.transaction"], found["bypass.mode"]) == ("6", "0")
    assert (found["refused.gone"], found["refused.oom"]) == ("4", "0")
    assert (found["hit.near"], found["hit.cell"]) == ("22180", "1682")
    assert (found["forgot.save:workflow"], found["forgot.sweep:condition"]) == (
        "18",
        "2",
    )
    assert 2 < float(found["lag_p99_ms"]) <= 3


def test_page__numbers_for_people(reader: Client) -> None:
    source()
    workload()

    text = page(reader)

    assert shown(text)["workflows.reads"] == "11\u202f904"
    assert shown(text)["workflows.hit_share"] == "99.5\u00a0%"
    assert "10 + all, 2 times" in words(text)
    assert "save:workflow Workflow saved 9" in words(text)


def test_page__of_one_access(reader: Client) -> None:
    source()
    workload()

    text = page(reader, access="detectors")

    found = figures(text)
    assert (found["reads"], found["misses"], found["hit_share"]) == ("100", "10", "0.9")
    assert (found["miss.absent"], found["miss.schema"]) == ("10", "0")
    assert found["workflows.reads"] == "11904"
    assert "Over time: detectors" in text


@pytest.mark.parametrize("access", ["nobody", "\0", "<script>", "x" * 2000])
def test_page__access_that_nobody_knows(reader: Client, access: str) -> None:
    source()
    workload()

    text = page(reader, access=access)

    assert figures(text)["reads"] == "12004"
    assert "Over time: " not in text
    assert "<script>" not in text[text.index('<div id="content"') :]


def test_page__a_gap_is_a_gap(reader: Client) -> None:
    source()
    workload(ago=30 * MINUTE)

    text = page(reader)

    (chart,) = re.findall(r'<figure[^>]*data-chart="hits".*?</figure>', text, re.DOTALL)
    cells = re.findall(r"<td>([^<]*)</td>", chart)
    assert len(cells) == 60
    assert sorted({*cells}) == ["-", "99.4\u00a0%"]
    assert cells.count("-") == 59
    assert "<circle" in chart


def test_page__unknown_is_never_nothing(reader: Client) -> None:
    text = page(reader)

    found = figures(text)
    assert set(found.values()) <= {"", "0"}
    named = {name: found[name] for name in ("hit_share", "reads", "misses", "stale")}
    assert named == dict.fromkeys(named, "")
    assert found["workflows.reads"] == found["workflows.load_p99_ms"] == ""
    assert "Nothing has been asked yet." in text
    assert "api.submit_event" in text
    assert "<figure" not in text


def test_page__nobody_wrote_in_this_window(reader: Client) -> None:
    source(flushed_at=clock.now() - timedelta(hours=3), ended_at=clock.now())
    workload(ago=timedelta(hours=3))

    unknown, longer = page(reader), page(reader, window="8h")

    assert figures(unknown)["reads"] == figures(unknown)["workflows.reads"] == ""
    assert "Nothing is known of this window" in words(unknown)
    assert figures(longer)["reads"] == "12004"


@pytest.mark.redis
def test_page__permits_bytes_and_what_was_dropped(
    reader: Client, settings: Any
) -> None:
    settings.WORKFLOW_ENGINE = {
        **settings.WORKFLOW_ENGINE,
        "CACHE_ALIAS": "default",
    }
    source()
    before = words(page(reader))
    counts = Counts()
    counts.add("workflows", "permit", "taken", 12)
    counts.add("workflows", "permit", "waited", 3)
    counts.sum("workflows", "bytes", "read", count=40, total=1_234_567)
    counts.sum("workflows", "bytes", "stored", count=12, total=88_123)
    counts.add("workflows", "shadow", "dropped", 5)
    MetricBucket.objects.add(counts.take(), clock.now())

    text = page(reader, access="workflows")

    assert "Permits 12 taken, 3 waited for another reader" in words(text)
    assert "Bytes read 1.2 MB , stored 88 kB" in words(text)
    assert figures(text)["bytes_read"] == "1234567"
    assert "Compared, dropped 5 : more waited" in words(text)
    assert "Permits 0 taken" in before
    assert "Compared, dropped" not in before


def test_page__nothing_in_this_window(reader: Client) -> None:
    source()
    workload(ago=timedelta(hours=3))

    empty, longer = page(reader), page(reader, window="8h")

    assert "Nothing has been asked in this window. Submit an event" in words(empty)
    assert figures(empty)["reads"] == "0"
    assert figures(empty)["hit_share"] == ""
    assert figures(longer)["reads"] == "12004"
    assert 'data-notice="empty"' not in longer


def test_page__forgotten_and_never_read(reader: Client) -> None:
    source()
    counts = Counts()
    counts.add("workflows", "forgot_all", "migrate")
    MetricBucket.objects.add(counts.take(), clock.now())

    text = words(page(reader, access="workflows"))

    assert "No entry of workflows was asked for in this window." in text
    assert "migrate The end of a migration all" in text


def test_page__says_which_processes_are_silent(reader: Client) -> None:
    now = clock.now()
    source(expected_at=now + MINUTE)
    for place in range(2):
        source(
            name=f"killed-{place}",
            flushed_at=now - 10 * MINUTE,
            expected_at=now - 9 * MINUTE,
        )
    workload()

    text = page(reader)

    (notice,) = re.findall(r'<p[^>]*data-notice="silent">(.*?)</p>', text, re.DOTALL)
    assert "No figures from 2 of 3 processes since" in words(notice)
    assert " UTC" in notice


def test_page__counting_is_off(reader: Client, settings: Any) -> None:
    own = settings.WORKFLOW_ENGINE
    settings.WORKFLOW_ENGINE = {**own, "METRICS": False}

    text = page(reader)

    assert 'data-notice="off"' in text
    assert figures(text)["misses"] == ""
    assert 'data-notice="silent"' not in text


def test_page__modes_that_are_not_the_usual(reader: Client, settings: Any) -> None:
    own = settings.WORKFLOW_ENGINE
    settings.WORKFLOW_ENGINE = {**own, "CACHE_MODE": {"workflows": "shadow"}}

    text = words(page(reader))

    assert "workflows ! shadow" in text
    assert "! shadow: workflows" in text


def test_page__stale_answers_catch_the_eye(reader: Client) -> None:
    source()
    counts = Counts()
    counts.add("workflows", "verify", "checked", 8)
    counts.add("workflows", "verify", "stale", 1)
    MetricBucket.objects.add(counts.take(), clock.now())

    text = page(reader)

    assert figures(text)["workflows.stale"] == "1"
    assert "! Stale 1 of 8 answers compared" in words(text)


@pytest.mark.postgres
def test_page__what_is_owed_and_who_gave_up(reader: Client) -> None:
    source(cache_use="given_up")
    source(cache_use="used")
    CacheOutbox.objects.all().delete()
    CacheOutbox.objects.create(source="workflow_engine_workflow")
    CacheOutbox.objects.update(created_at=clock.now() - timedelta(minutes=4))

    text = page(reader)

    assert figures(text)["outbox_rows"] == figures(text)["owed_rows"] == "1"
    assert float(figures(text)["outbox_oldest_seconds"]) >= 240
    assert (figures(text)["given_up"], figures(text)["processes"]) == ("1", "2")
    assert "1 of 2 processes does without the cache" in words(text)
    assert "! 1 row, 4 min old" in words(text)


def forgotten(**fields: Any) -> CacheForget:
    rows, keys = fields.pop("rows", []), fields.pop("keys", [])
    given = {
        "at": clock.now(),
        "access": "workflows",
        "cause": "save:workflow",
        "count": len(keys),
        "rows": joined([str(one) for one in rows]),
        "keys": joined([str(one) for one in keys]),
    }
    return CacheForget.objects.create(**given | fields)


def test_records__cause_rows_entries_and_author(editor: Client) -> None:
    CacheForget.objects.all().delete()
    workflow = WorkflowFactory()
    CacheForget.objects.all().delete()
    forgotten(rows=[workflow.pk, 999_999], keys=[workflow.pk], author="anna")
    forgotten(cause="hand", count=None, at=clock.now() - MINUTE)
    forgotten(
        cause="bulk:condition",
        rows=range(9),
        keys=range(20),
        count=31,
        at=clock.now() - 2 * MINUTE,
    )
    forgotten(access="detectors", cause="delete:detector")

    text = page(editor, access="workflows")

    named = "0, 1, 2, 3, 4 and 4 more"
    (table,) = re.findall(r'<section id="wfe-records".*?</section>', text, re.DOTALL)
    lines = [words(row) for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)[1:]]
    assert [" ".join(line.split()[2:]) for line in lines] == [
        f"Workflow saved {workflow.pk} , 999999 1 {workflow.pk} anna",
        "By hand - all - -",
        f"Condition written in bulk {named} 31 0 , 1 , 2 , 3 , 4 and 26 more -",
    ]
    assert f'href="/admin/workflow_engine/workflow/{workflow.pk}/change/"' in table
    assert "workflow/999999/" not in table
    assert f"cache/inspect/?access=workflows&amp;key={workflow.pk}" in table


def test_records__none_says_what_to_do(reader: Client) -> None:
    CacheForget.objects.all().delete()

    assert "Save a rule that it depends on" in page(reader, access="workflows")
    assert "Last forgotten" not in page(reader)


@pytest.mark.parametrize("window", ["1h", "7d"])
@pytest.mark.parametrize("access", ["", "workflows"])
def test_page__few_queries(reader: Client, window: str, access: str) -> None:
    source()
    workload()
    for model in ("workflow", "detector", "environment", "action"):
        forgotten(cause=f"save:{model}", rows=[1, 2, 3], keys=[1])

    with CaptureQueriesContext(connection) as queries:
        page(reader, window=window, access=access)

    assert len(queries) <= MOST_QUERIES, "\n".join(q["sql"] for q in queries)


@pytest.mark.parametrize("access", ["", "workflows"])
def test_page__buttons_are_for_who_may_change(
    editor: Client, reader: Client, access: str
) -> None:
    changes = {f"{PAGE}verify/", f"{PAGE}forget/"}

    links = {
        who: {
            link.partition("?")[0]
            for link in re.findall(r'href="([^"]*)"', page(client, access=access))
        }
        for who, client in (("editor", editor), ("reader", reader))
    }

    assert changes <= links["editor"]
    assert not changes & links["reader"]
    assert f"{PAGE}inspect/" in links["reader"]


def test_page__not_without_permission(client: Client) -> None:
    anonymous = client.get(PAGE)
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    refused = [client.get(PAGE), client.get(PAGE, {"format": "json"})]

    assert anonymous.status_code == 302
    assert "/login/" in anonymous["Location"]
    assert [one.status_code for one in refused] == [403, 403]


@override_settings(ROOT_URLCONF="tests.admin.own_site")
@pytest.mark.parametrize("access", ["", "workflows"])
def test_page__stays_on_ones_own_site(editor: Client, access: str) -> None:
    source()
    workload()
    workflow = WorkflowFactory()
    forgotten(rows=[workflow.pk], keys=[workflow.pk])

    response = editor.get("/own/workflow_engine/cache/", {"access": access})

    links = re.findall(r'href="(/[^"]*)"', response.content.decode())
    foreign = [one for one in links if not one.startswith(("/own/", "/static/"))]
    assert response.status_code == 200
    assert {*foreign} <= {"/"}
    assert any("workflow/" in one for one in links)


def test_json__the_same_figures(reader: Client) -> None:
    source()
    workload()

    found = reader.get(PAGE, {"format": "json", "window": "8h"}).json()

    assert found["window"]["name"] == "8h"
    assert found["total"]["reads"] == 12_004
    lines = {one["access"]: one for one in found["accesses"]}
    assert lines["workflows"]["misses"] == 60
    assert {one.name for one in declared} <= set(lines)


@pytest.mark.parametrize("refresh", ["10", "0", "1; url=//evil"])
def test_page__is_loaded_again_only_if_asked(reader: Client, refresh: str) -> None:
    response = reader.get(PAGE, {"refresh": refresh})

    expected = "10" if refresh == "10" else None
    assert response.headers.get("Refresh") == expected
    assert "no-store" in response["Cache-Control"]


def test_page__nothing_inline_and_headings_in_order(reader: Client) -> None:
    source()
    workload()
    forgotten(rows=[1], keys=[1])

    text = page(reader, access="workflows")

    own = text[text.index('<div id="content"') :]
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", own)
    levels = [int(one) for one in re.findall(r"<h(\d)", own)]
    assert levels[0] == 1
    assert all(later <= before + 1 for before, later in pairwise(levels))
    ids = re.findall(r'\sid="([^"]+)"', own)
    assert len(ids) == len({*ids})
    assert {*re.findall(r'href="#([^"]+)"', own)} <= {*ids}
    tables = re.findall(r"<table.*?</table>", own, re.DOTALL)
    assert all("<caption" in one for one in tables)
    assert not re.search(r"<th(?![^>]*scope=)[\s>]", "".join(tables))


def test_words__every_reason_that_is_documented_has_some() -> None:
    pages = "".join(path.read_text() for path in sorted(DOCS.glob("*.md")))
    documented = set(re.findall(r"^\| `(\w+)` \| `(\w+)` \|", pages, re.MULTILINE))

    expected = {one for one in documented if one[0] in REASONS}
    assert {
        (name, code) for name, found in REASONS.items() for code in found
    } == expected


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        ("save:workflow", "Workflow saved"),
        ("m2m:detectorworkflow", "Link added or removed"),
        ("sweep", "Found by the sweep"),
        ("hand", "By hand"),
        ("save:of_another_app", "of_another_app saved"),
        ("new_in_2031:workflow", "new_in_2031:workflow"),
    ],
)
def test_words__of_a_cause(cause: str, expected: str) -> None:
    assert cause_words(cause) == expected
