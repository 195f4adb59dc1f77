"""workflow_events: judges, rehearses, replays or hands on what a file holds."""

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from tests.factories import (
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
)
from tests.management.calls import as_lines, call, counts, event, manage
from workflow_engine.models import (
    Decision,
    DetectorState,
    EventReceipt,
    Firing,
    Workflow,
    WorkItem,
)

Write = Callable[..., str]
Environment = Callable[..., dict[str, str]]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def standard_input(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], None]:
    """Return how to fill standard input."""

    def fill(text: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))

    return fill


def test_events__judged_and_carried_out_here(rule: Workflow, write: Write) -> None:
    said = call("workflow_events", write(event(1), event(2, type="order.paid")))

    assert (said.code, said.err) == (0, "")
    name, judged, _, *results = said.out.strip().split("  ")
    assert (name, judged) == ("shop.jsonl", "2 events")
    assert results == [
        *("fired 1", "held 0", "failed 0", "no match 1"),
        *("errors 0", "refused 0"),
    ]
    assert Firing.objects.get().state == "succeeded"
    assert WorkItem.objects.get().state == "done"


def test_events__json(rule: Workflow, write: Write) -> None:
    said = call("workflow_events", write(event(1), "", event(2, type="x")), "--json")

    first, second, summary = said.lines()
    assert first["line"] == 1
    assert (first["id"], first["outcome"], first["reason"]) == (
        "evt-1",
        "fired",
        "sent",
    )
    assert [one["action"] for one in first["firings"]] == ["log-it"]
    assert (second["line"], second["outcome"]) == (3, "no_match")
    rate = summary["summary"].pop("events_per_second")
    assert summary == {
        "summary": {
            "events": 2,
            "fired": 1,
            "held": 0,
            "failed": 0,
            "no_match": 1,
            "errors": 0,
            "refused": 0,
        }
    }
    assert rate > 0


def test_events__verbose_names_every_event(rule: Workflow, write: Write) -> None:
    said = call("workflow_events", write(event(1), event(2, type="x")), "-v", "2")

    assert said.out.splitlines()[:-1] == [
        "evt-1  fired  sent",
        "evt-2  no match  no_detector",
    ]


BAD_LINES: list[tuple[Any, str]] = [
    ("{", "not JSON: Input data was truncated"),
    ("[" * 100_000, "not JSON: "),
    ("\udcff".encode(errors="surrogateescape"), "not JSON: "),
    ([], "event must be a JSON object, got list"),
    ({"specversion": "1.0", "id": "a", "type": "t"}, "event attribute 'source' is req"),
    (event(1, specversion="0.3"), "specversion is not supported, use '1.0'"),
    (event(1, data={"v": "x" * 70_000}), "data is 70008 bytes, at most 65536"),
]


@pytest.mark.parametrize(
    ("bad", "why"),
    BAD_LINES,
    ids=["half", "deep", "bytes", "list", "source", "version", "data"],
)
def test_events__bad_line(rule: Workflow, write: Write, bad: Any, why: str) -> None:
    name = write(event(1))
    text = bad if isinstance(bad, bytes) else as_lines([bad]).rstrip(b"\n")
    with open(name, "ab") as file:  # noqa: PTH123 - appended, as a producer does
        file.write(text + b"\n" + as_lines([event(2)]))

    said = call("workflow_events", name)

    assert said.code == 1
    assert said.err.startswith(f"line 2: {why}")
    assert said.out.strip().endswith("refused 1")
    assert Firing.objects.count() == 2


def test_events__bad_line_as_json(write: Write) -> None:
    said = call("workflow_events", write({"id": 7}), "--json")

    refused, summary = said.lines()
    assert refused["line"] == 1
    assert "event attribute 'source' is required" in refused["refused"]
    assert said.err.splitlines() == [f"line 1: {why}" for why in refused["refused"]]
    assert summary["summary"]["refused"] == 1


def test_events__stop_at_a_bad_line_and_go_on(rule: Workflow, write: Write) -> None:
    name = write(event(1), event(2), "{", event(4))

    said = call("workflow_events", name, "--on-error", "stop")

    assert said.code == 1
    assert said.err.splitlines() == [
        "line 3: not JSON: Input data was truncated",
        "stopped at line 3; mend it and go on with --from-line 3",
    ]
    assert Firing.objects.count() == 2
    call(
        "workflow_events",
        write(event(1), event(2), event(3), event(4)),
        "--from-line",
        "3",
    )
    ids = Firing.objects.order_by("event_id").values_list("event_id", flat=True)
    assert list(ids) == ["evt-1", "evt-2", "evt-3", "evt-4"]


def test_events__event_that_fails(rule: Workflow, write: Write) -> None:
    group = ConditionGroupFactory(workflow=rule, role="when")
    ConditionFactory(group=group, type="gt", config={"path": "data.v", "value": 1})

    said = call(
        "workflow_events", write(event(1, data={"v": "x"}), event(2, data={"v": 5}))
    )

    assert said.code == 1
    assert said.err == (
        "line 1: evt-1: workflow tell-the-team failed: condition_error\n"
    )
    assert "failed 1" in said.out
    assert "errors 1" in said.out


def test_events__something_fails_in_an_event_that_fires(
    rule: Workflow, write: Write
) -> None:
    broken = ConditionGroupFactory(trigger=True, detector=DetectorFactory(slug="odd"))
    ConditionFactory(group=broken, type="gt", config={"path": "data.v", "value": 1})
    name = write(event(1, data={"v": "x"}), event(2, data={"v": 0}))

    said = call("workflow_events", name, "--dry-run")
    as_json = call("workflow_events", name, "--dry-run", "--json")

    assert said.code == as_json.code == 1
    assert said.err == "line 1: evt-1: detector odd failed: condition_error\n"
    assert "fired 2  held 0  failed 0  no match 0  errors 1  refused 0" in said.out
    assert as_json.lines()[-1]["summary"]["errors"] == 1


def test_events__gz(rule: Workflow, write: Write) -> None:
    name = write(name="shop.jsonl.gz")
    with gzip.open(name, "wb") as file:
        file.write(as_lines([event(1), event(2)]))

    said = call("workflow_events", name)

    assert said.code == 0
    assert said.out.startswith("shop.jsonl.gz  2 events")
    assert Firing.objects.count() == 2


def test_events__gz_is_cut_off(write: Write) -> None:
    packed = gzip.compress(as_lines(event(n, data=str(n) * 99) for n in range(3000)))
    name = write(name="shop.jsonl.gz")
    with open(name, "wb") as file:  # noqa: PTH123 - as a broken copy leaves it
        file.write(packed[: len(packed) // 2])

    said = call("workflow_events", name, "--batch", "10")

    first, second = said.err.splitlines()
    read = int(
        first.removeprefix("CommandError: cannot be read after line ").split(":")[0]
    )
    done = int(second.rpartition("--from-line ")[2]) - 1
    assert said.code == 2
    assert 0 < done <= read < done + 10


def test_events__not_gz_at_all(write: Write) -> None:
    said = call("workflow_events", write(event(1), name="shop.gz"))

    assert said.code == 2
    assert "cannot be read after line 0: Not a gzipped file" in said.err


def test_events__standard_input(
    rule: Workflow, standard_input: Callable[[bytes], None]
) -> None:
    standard_input(as_lines([event(1)]))

    said = call("workflow_events", "-")

    assert said.code == 0
    assert said.out.startswith("-  1 events")
    assert Firing.objects.count() == 1


def test_events__byte_order_mark_and_windows_line_ends(
    rule: Workflow, standard_input: Callable[[bytes], None]
) -> None:
    text = as_lines([event(1), event(2)]).replace(b"\n", b"\r\n")
    standard_input(b"\xef\xbb\xbf" + text)

    said = call("workflow_events", "-")

    assert said.code == 0, said.err
    assert Firing.objects.count() == 2


def test_events__line_without_an_end(
    rule: Workflow, standard_input: Callable[[bytes], None]
) -> None:
    endless = b"x" * (40 * 1024 * 1024)
    standard_input(endless + b"\n" + as_lines([event(2)]))

    said = call("workflow_events", "-")

    assert said.code == 1
    assert said.err == "line 1: longer than 16777216 bytes\n"
    assert Firing.objects.get().event_id == "evt-2"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["no-such-file"], "no-such-file cannot be read: No such file or directory"),
        (["/"], "/ cannot be read: Is a directory"),
        (["-", "--batch", "0"], "--batch must be from 1 to 1000, not 0"),
        (["-", "--batch", "1001"], "--batch must be from 1 to 1000, not 1001"),
        (["-", "--speed", "0"], "--speed must be more than 0, not 0.0"),
        (["-", "--speed", "nan"], "--speed must be more than 0, not nan"),
        (["-", "--from-line", "0"], "--from-line must be 1 or more, not 0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_events__wrong_arguments(arguments: list[str], why: str) -> None:
    said = call("workflow_events", *arguments)

    assert (said.code, said.out) == (2, "")
    assert said.err == f"CommandError: {why}\n"


def test_events__two_ways_at_once() -> None:
    said = call("workflow_events", "-", "--dry-run", "--replay")

    assert said.code == 1  # as Django's own parser says it inside; 2 outside
    assert "not allowed with argument" in said.err


@pytest.mark.parametrize("size", ["1", "2", "1000"])
def test_events__batch(rule: Workflow, write: Write, size: str) -> None:
    said = call("workflow_events", write(*map(event, range(5))), "--batch", size)

    assert said.code == 0
    assert Firing.objects.count() == 5


def test_events__batches_cost_no_more_queries_than_there_are(
    write: Write, django_assert_num_queries: Any
) -> None:
    DetectorFactory(event_type="order.paid")
    name = write(*(event(number) for number in range(100)))

    # The number for each of two batches, routes for the first.
    with django_assert_num_queries(3):
        said = call("workflow_events", name, "--batch", "50", "--dry-run")

    assert "no match 100" in said.out


def test_events__environment_for_those_without(rule: Workflow, write: Write) -> None:
    name = write(event(1), event(2, environment="staging"), event(3, environment=None))

    call("workflow_events", name, "--environment", "production")

    found = Firing.objects.order_by("event_id").values_list("environment", flat=True)
    assert list(found) == ["production", "staging", "production"]


def test_events__dry_run_writes_nothing(
    rule: Workflow, write: Write, settings: Settings
) -> None:
    settings.WORKFLOW_ENGINE = {"EXECUTOR": "threads", "TRACE_SHARE": {"no_match": 1}}
    DetectorFactory(threshold=True)
    before = counts()
    name = write(event(1, data={"value": 11}), event(2, type="x"))

    said = call("workflow_events", name, "--dry-run", "--json")

    assert [line["outcome"] for line in said.lines()[:-1]] == ["fired", "no_match"]
    assert counts() == before


@pytest.mark.parametrize("size", ["1", "2", "4"])
def test_events__dry_run_judges_each_as_if_it_came_alone(
    rule: Workflow, write: Write, size: str
) -> None:
    rule.interval = 3600
    rule.save()
    name = write(event(1), event(2), event(3), event(3))

    said = call("workflow_events", name, "--dry-run", "--batch", size)

    assert "fired 4  held 0" in said.out


def test_events__replay_keeps_its_state_in_memory(write: Write) -> None:
    detector = DetectorFactory(
        kind="threshold",
        config={
            "path": "data.value",
            "op": "gt",
            "levels": {"high": 10},
            "breaches": 2,
        },
    )
    before = counts()
    name = write(
        event(1, data={"value": 11}, time="2020-01-01T00:00:00Z"),
        event(2, data={"value": 12}, time="2020-01-01T00:00:01Z"),
        event(3, data={"value": 1}, time="2020-01-01T00:00:02Z"),
    )

    said = call("workflow_events", name, "--replay", "--json")

    assert said.code == 0
    detections = [line["detections"][0] for line in said.lines()[:-1]]
    assert [one["change"] or one["reason"] for one in detections] == [
        "counting",
        "opened",
        "resolved",
    ]
    assert detections[1] == {
        "detector": detector.slug,
        "reason": "no_link",
        "change": "opened",
        "from": "ok",
        "to": "high",
    }
    assert counts() == before


def test_events__replay_tells_of_items_without_a_line(write: Write) -> None:
    DetectorFactory(kind="absence", config={"for": 60})
    name = write(
        event(1, time="2020-01-01T00:00:00Z"), event(2, time="2020-01-01T01:00:00Z")
    )

    said = call("workflow_events", name, "--replay", "--json")

    items = [line for line in said.lines()[:-1] if line["item"]]
    assert [(one["item"], one["time"]) for one in items] == [
        ("detect", "2020-01-01T00:01:00Z")
    ]
    assert "line" not in items[0]
    assert said.lines()[-1]["summary"]["events"] == 2


def test_events__submit_without_a_broker_waits_for_the_queue(
    rule: Workflow, write: Write
) -> None:
    said = call("workflow_events", write(event(1), event(2)), "--submit")
    states = sorted(WorkItem.objects.values_list("kind", "state", "token"))
    later = call("workflow_queue", "--once")

    assert said.code == 0
    assert "2 events" in said.out
    assert "submitted  refused 0" in said.out
    assert states == [("event", "scheduled", 0)] * 2
    assert later.out == "began 4 items, 0 failed\n"
    assert Firing.objects.filter(state="succeeded").count() == 2


def test_events__judged_twice(rule: Workflow, write: Write) -> None:
    name = write(event(1))
    call("workflow_events", name)

    said = call("workflow_events", name, "--json")

    assert said.lines()[0]["reason"] == "duplicate_event"
    assert Firing.objects.count() == EventReceipt.objects.count() == 1


def test_events__sampled_decisions_are_written_at_the_end(
    write: Write, settings: Settings
) -> None:
    settings.WORKFLOW_ENGINE = {"EXECUTOR": "threads", "TRACE_SHARE": {"no_match": 1}}

    call("workflow_events", write(event(1), event(2)))

    assert Decision.objects.filter(reason="no_detector").count() == 2


def test_events__state_is_kept_without_dry_run(write: Write) -> None:
    DetectorFactory(threshold=True)

    call("workflow_events", write(event(1, data={"value": 11})))

    assert DetectorState.objects.get().priority == 75


@pytest.mark.postgres
def test_events__from_outside(
    rule: Workflow, beside: Environment, write: Write
) -> None:
    lines = as_lines([event(1), "{", event(3)])

    done = manage(beside(), "workflow_events", "-", "--json", given=lines)

    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert {line.get("line"): line.get("id") for line in said} == {
        1: "evt-1",
        2: None,
        3: "evt-3",
        None: None,
    }
    assert done.stderr == "line 2: not JSON: Input data was truncated\n"
    assert Firing.objects.count() == 2


@pytest.mark.postgres
def test_events__submit_and_neither_broker_nor_database(
    outside: Environment,
) -> None:
    away = {
        **outside(EXECUTOR="celery"),
        "COMMANDS_BROKER_URL": "redis://127.0.0.1:1/0",
        "WORKFLOW_TEST_POSTGRES_HOST": "/no/such/socket",
    }

    done = manage(away, "workflow_events", "-", "--submit", given=as_lines([event(1)]))

    assert done.returncode == 3
    assert (
        "CommandError: A server was not reached: the broker did not take 1 events"
        in (done.stderr)
    )
    assert "nor did the database" in done.stderr
    assert done.stderr.splitlines()[-1] == (
        "Everything before line 1 is done; go on with --from-line 1"
    )
