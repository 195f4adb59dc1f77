"""workflow_explain: the kept decision, or one made now, told so that one sees why."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from tests.factories import (
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    EnvironmentFactory,
    WorkflowFactory,
)
from tests.management.calls import call, counts, event
from workflow_engine import api, clock
from workflow_engine.models import Decision, Firing, Workflow, WorkItem
from workflow_engine.processing.schedule import enqueue_events
from workflow_engine.types.instants import instant_text

pytestmark = pytest.mark.django_db(transaction=True)

Write = Callable[..., str]
INSTANT = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"


@pytest.fixture
def held(rule: Workflow, write: Write) -> Workflow:
    """Have had evt-1 fire and evt-2 held by the interval."""
    rule.interval = 1800
    rule.save()
    group = ConditionGroupFactory(workflow=rule, role="when", logic="any")
    path = {"path": "data.amount"}
    ConditionFactory(group=group, type="gte", config={**path, "value": 100})
    ConditionFactory(group=group, type="in", config={**path, "value": [1, "x"]})
    said = call(
        "workflow_events",
        write(*(event(n, data={"amount": 250}) for n in (1, 2))),
    )
    assert "fired 1  held 1" in said.out
    return rule


@pytest.fixture
def document(tmp_path: Path) -> Callable[[Any], str]:
    """Return how to write a file with one event; gives its name."""

    def put(value: Any) -> str:
        path = tmp_path / "event.json"
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return str(path)

    return put


def test_explain__kept_decision(held: Workflow) -> None:
    said = call("workflow_explain", "evt-2")

    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0].startswith(
        "event evt-2 · /shop · order.failed · cart-7 · no environment  "
    )
    assert lines[0].endswith("  held · interval")
    assert re.fullmatch(rf"  at {INSTANT}   decided {INSTANT}", lines[1])
    words = [" ".join(line.split()) for line in lines[2:]]
    revision = words[1].split()[3]
    assert len(revision) == 12
    free_again = words[-1].rpartition(" ")[2]
    assert re.fullmatch(r"\d\d:\d\d:\d\dZ|20\S+T\S+Z", free_again)
    assert words == [
        "detector failed-orders (event) triggered, medium",
        f"workflow tell-the-team revision {revision} held · interval",
        "environment every event",
        "when any of yes",
        "data.amount is at least 100 saw 250 yes",
        'data.amount is one of [1,"x"] saw 250 no',
        "if 1 all of yes",
        f"log-it interval free again {free_again}",
    ]


def test_explain__newest_that_is_no_copy(held: Workflow, write: Write) -> None:
    call("workflow_events", write(event(1, data={"amount": 250})))
    assert Decision.objects.filter(event_id="evt-1").count() == 2

    said = call("workflow_explain", "evt-1")

    assert said.out.splitlines()[0].endswith("fired · sent")


def test_explain__json(held: Workflow) -> None:
    said = call("workflow_explain", "evt-2", "--json")

    (view,) = said.lines()
    assert (view["outcome"], view["reason"]) == ("held", "interval")
    assert view["event"]["id"] == "evt-2"
    (line,) = view["workflows"]
    assert line["when"]["conditions"][0]["seen"] == 250


def test_explain__what_became_of_a_firing(held: Workflow) -> None:
    firing = Firing.objects.get()
    assert firing.finished_at is not None
    finished_at = instant_text(firing.finished_at)

    said = call("workflow_explain", "evt-1")
    (view,) = call("workflow_explain", "evt-1", "--json").lines()

    assert "   now: succeeded " in said.out.splitlines()[-1]
    (fate,) = view["workflows"][0]["actions"]
    assert fate["now"] == {
        "state": "succeeded",
        "reason": "sent",
        "finished_at": finished_at,
    }


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"state": "due"}, "   now: due"),
        (
            {"state": "retrying", "reason": "circuit_open"},
            "now: retrying (circuit_open)",
        ),
        (
            {
                "state": "cancelled",
                "reason": "resolved",
                "finished_at": datetime(2000, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
            },
            "now: cancelled (resolved) 2000-01-02T03:04:05Z",
        ),
    ],
    ids=["due", "retrying", "cancelled"],
)
def test_explain__firing_that_did_not_succeed(
    held: Workflow, fields: dict[str, Any], told: str
) -> None:
    Firing.objects.update(**{"reason": "", "finished_at": None, **fields})

    said = call("workflow_explain", "evt-1")

    assert said.out.splitlines()[-1].endswith(told)


def test_explain__firing_that_is_not_kept_any_more(held: Workflow) -> None:
    Firing.objects.all().delete()

    said = call("workflow_explain", "evt-1")

    assert said.out.splitlines()[-1].endswith("now: not kept any more")


def test_explain__stays_true_after_an_edit(held: Workflow) -> None:
    before = call("workflow_explain", "evt-2").out
    held.interval = 0
    held.save()

    after = call("workflow_explain", "evt-2").out
    today = call("workflow_explain", "evt-2", "--today").out

    assert after == before
    assert today.splitlines()[0].endswith("fired · sent")


def test_explain__today_writes_nothing(held: Workflow) -> None:
    before = counts()

    call("workflow_explain", "evt-2", "--today")

    assert counts() == before


@pytest.mark.parametrize("option", [True, False], ids=["option", "position"])
def test_explain__file(
    rule: Workflow, document: Callable[[Any], str], option: bool
) -> None:
    name = document(event(9))
    before = counts()

    said = call("workflow_explain", *(["--event"] if option else []), name)

    assert said.code == 0
    assert said.out.splitlines()[0].endswith("fired · sent")
    assert counts() == before


def test_explain__data_that_is_empty_is_judged_as_it_came(
    rule: Workflow, write: Write
) -> None:
    group = ConditionGroupFactory(workflow=rule, role="when")
    ConditionFactory(group=group, type="eq", config={"path": "data", "value": ""})
    call("workflow_events", write(event(1, data="", region="eu")))

    today = call("workflow_explain", "evt-1", "--today", "--json")

    (view,) = today.lines()
    assert view["outcome"] == "fired"
    assert view["event"]["extensions"] == {"region": "eu"}


def test_explain__today_of_a_redacted_event(rule: Workflow, write: Write) -> None:
    call("workflow_events", write(event(1, data={"password": "tr0ub4dor"})))

    said = call("workflow_explain", "evt-1", "--today")

    assert said.err == "values were kept as [redacted], and are judged as that\n"
    assert "tr0ub4dor" not in said.out


def test_explain__one_workflow(held: Workflow) -> None:
    said = call("workflow_explain", "evt-2", "--workflow", "tell-the-team")

    assert "workflow tell-the-team" in said.out


def test_explain__workflow_that_was_not_reached(held: Workflow) -> None:
    WorkflowFactory(slug="night-shift")

    said = call("workflow_explain", "evt-2", "--workflow", "night-shift")

    assert said.code == 0
    assert "workflow tell-the-team" not in said.out
    assert said.out.splitlines()[-1] == (
        "workflow night-shift was not reached: no detector that triggered is linked to it"
    )


@pytest.mark.parametrize(
    ("event_id", "expected", "code", "complaint"),
    [
        ("evt-1", ["tell-the-team"], 0, ""),
        (
            "evt-2",
            ["tell-the-team"],
            1,
            "expected tell-the-team to fire, and it did not",
        ),
        ("evt-1", ["other"], 1, "tell-the-team fired and was not expected to"),
        (
            "evt-1",
            ["tell-the-team", "other"],
            1,
            "expected other to fire, and there is no such workflow",
        ),
    ],
    ids=["as expected", "held", "another", "one that does not exist"],
)
def test_explain__expect(
    held: Workflow, event_id: str, expected: list[str], code: int, complaint: str
) -> None:
    options = [part for slug in expected for part in ("--expect", slug)]

    said = call("workflow_explain", event_id, *options)

    assert said.code == code
    assert complaint in said.err
    assert bool(said.err) == bool(complaint)


def test_explain__expectation_is_about_all_workflows(held: Workflow) -> None:
    WorkflowFactory(slug="other")

    said = call("workflow_explain", "evt-1", "--workflow", "other", "--expect", "other")

    assert said.code == 1
    assert said.err.splitlines() == [
        "expected other to fire, and it did not",
        "tell-the-team fired and was not expected to",
    ]


def test_explain__several_sources(rule: Workflow, write: Write) -> None:
    call("workflow_events", write(event(1), event(1, source="/crm")))

    unsaid = call("workflow_explain", "evt-1")
    said = call("workflow_explain", "evt-1", "--source", "/crm")

    assert unsaid.code == 2
    assert unsaid.err == (
        "CommandError: event 'evt-1' came from 2 sources; give one: "
        "--source /crm --source /shop\n"
    )
    assert said.out.startswith("event evt-1 · /crm · ")


def test_explain__state_of_a_detector(rule: Workflow, write: Write) -> None:
    levels = {"path": "data.v", "op": "gt", "levels": {"high": 5}}
    DetectorFactory(slug="load", kind="threshold", config=levels)

    call("workflow_events", write(event(1, data={"v": 7})))

    line = next(
        line
        for line in call("workflow_explain", "evt-1").out.splitlines()
        if line.startswith("detector load")
    )
    assert line.split() == [
        "detector",
        "load",
        "(threshold)",
        "opened",
        "ok",
        "→",
        "high",
        "value",
        "7",
    ]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "give the id of an event, or a file with one"),
        (["nowhere.json"], "nowhere.json cannot be read: No such file or directory"),
        (["--event", "/"], "/ cannot be read: Is a directory"),
    ],
    ids=["nothing", "file", "directory"],
)
def test_explain__wrong_arguments(arguments: list[str], why: str) -> None:
    said = call("workflow_explain", *arguments)

    assert (said.code, said.out) == (2, "")
    assert said.err == f"CommandError: {why}\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is not JSON: Input data was truncated"),
        ("[" * 100_000, "is not JSON: "),
        ({"id": 7}, "event attribute 'id' must be a string, got int"),
        ([], "event must be a JSON object, got list"),
        (event(1, extensions={"a": 1}), "event attribute 'extensions' must be"),
    ],
    ids=["half", "deep", "no event", "list", "extensions"],
)
def test_explain__file_that_holds_no_event(
    document: Callable[[Any], str], text: Any, why: str
) -> None:
    said = call("workflow_explain", document(text))

    assert (said.code, said.out) == (2, "")
    assert why in said.err


def test_explain__event_that_was_never_seen(rule: Workflow, settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_SHARE": {"no_match": 0.25}}

    said = call("workflow_explain", "evt-9")

    assert (said.code, said.out) == (2, "")
    first, *rest = said.err.splitlines()
    assert first == (
        "CommandError: no decision about event 'evt-9' is kept, and it does not wait as "
        "an item"
    )
    text = "\n".join(rest)
    assert "(TRACE_SHARE, now 0.25)" in text
    assert 'WORKFLOW_ENGINE = {"TRACE_SHARE": {"no_match": 1}}' in text
    assert '"Trace until"' in text
    assert "workflow_explain FILE" in text


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "scheduled, no attempt yet"),
        ({"state": "sent", "attempts": 1, "token": 1}, "sent, attempt 1"),
        (
            {"state": "running", "attempts": 2, "token": 2, "worker": "w"},
            "running, attempt 2",
        ),
    ],
    ids=["scheduled", "sent", "running"],
)
def test_explain__event_that_waits_as_an_item(
    rule: Workflow, fields: dict[str, Any], told: str
) -> None:
    accepted = api._accepted([event(2), event(3)])
    item_id, _ = enqueue_events(accepted, clock.now(), None)
    lease = {"lease_ends_at": clock.now()} if fields else {}
    WorkItem.objects.filter(pk=item_id).update(**fields, **lease)

    said = call("workflow_explain", "evt-2")
    there = call("workflow_explain", "evt-2", "--json", "--source", "/shop")
    elsewhere = call("workflow_explain", "evt-2", "--source", "/crm")

    assert (said.code, said.err) == (1, "")
    assert said.out == f"event evt-2 waits as item {item_id} ({told})\n"
    assert there.lines()[0]["waiting"][0]["item"] == item_id
    assert elsewhere.code == 2


def test_explain__event_that_was_judged_waits_no_more(rule: Workflow) -> None:
    enqueue_events(api._accepted([event(2)]), clock.now(), None)
    call("workflow_queue", "--once")

    said = call("workflow_explain", "evt-2")

    assert said.code == 0
    assert said.out.splitlines()[0].endswith("fired · sent")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"environment": "staging"}, "production, the event is from staging   no"),
        ({}, "production, the event has none   no"),
        ({"environment": "production"}, "production"),
    ],
    ids=["another", "none", "the same"],
)
def test_explain__environment(
    rule: Workflow,
    document: Callable[[Any], str],
    fields: dict[str, Any],
    told: str,
) -> None:
    rule.environment = EnvironmentFactory(name="production")
    rule.save()

    said = call("workflow_explain", document(event(9, **fields)))

    assert f"  environment  {told}" in said.out.splitlines()


def test_explain__detection_that_is_repeated(rule: Workflow, write: Write) -> None:
    DetectorFactory(slug="tracked", kind="event", config={"track": True})
    call("workflow_events", write(event(1), event(2)))

    said = call("workflow_explain", "evt-2")

    words = [" ".join(line.split()) for line in said.out.splitlines()]
    assert "detector tracked (event) repeated, medium" in words


def test_explain__workflow_that_does_not_exist(held: Workflow) -> None:
    said = call("workflow_explain", "evt-2", "--workflow", "no-such")

    assert said.code == 2
    assert said.err == "CommandError: there is no workflow 'no-such'\n"
