"""Slow conditions: who waits for them, who does not, and how the answers are used."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.handlers import Outbox, Script
from tests.processing.world import START, If, World, fates
from workflow_engine.conf import options
from workflow_engine.models import Condition, Decision, Firing, Workflow, WorkItem
from workflow_engine.processing.buffer import buffer

SLOW: dict[str, Any] = {"type": "t_slow"}
TRUE = "data.ok eq true"
FALSE = "data.ok eq false"


def test_slow__in_an_all_group_waits(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[TRUE, SLOW], interval=300)

    outcome = world.one(ok=True)

    assert (outcome.outcome, outcome.reason) == ("held", "pending")
    (item,) = world.items()
    assert (item.kind, item.due_at) == ("evaluate", START + timedelta(seconds=2))
    rows = world.rows()
    assert (rows["Firing"], rows["ActionInterval"]) == (0, 0)
    world.run_until(2)
    assert outbox.actions == ["email"]


@pytest.mark.parametrize(
    ("logic", "fast", "reason"),
    [("any", TRUE, "sent"), ("all", FALSE, "when"), ("none", TRUE, "when")],
)
def test_slow__is_not_asked_when_fast_ones_decide(
    world: World, script: Script, logic: str, fast: str, reason: str
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[fast, SLOW], logic=logic)

    outcome = world.one(ok=True)
    world.run_until(60)

    assert outcome.reason == reason
    assert not WorkItem.objects.filter(kind="evaluate").exists()
    assert script.calls == []


@pytest.mark.parametrize("fast_first", [True, False])
def test_slow__if_group_does_not_delay_its_sibling(
    world: World, outbox: Outbox, fast_first: bool
) -> None:
    world.detector("orders")
    fast = If(conditions=[TRUE], carries=["fast"])
    slow = If(conditions=[SLOW], carries=["slow"])
    ifs = [fast, slow] if fast_first else [slow, fast]
    world.workflow("tell", "orders", ifs=ifs)

    outcome = world.one(ok=True)
    world.run()

    assert outcome.reason == "sent"
    assert outbox.actions == ["fast"]
    world.run_until(2)
    assert outbox.actions == ["fast", "slow"]


def test_slow__no_item_when_no_if_group_can_pass(world: World) -> None:
    world.detector("orders")
    ifs = [If(conditions=[FALSE]), If(conditions=["data.ok gt 5"], carries=["page"])]
    world.workflow("tell", "orders", when=[SLOW], ifs=ifs)

    outcome = world.one(ok=True)

    assert world.items() == []
    assert outcome.reason == "condition_error"


def test_slow__burst_is_judged_once_with_the_latest_event(
    world: World, outbox: Outbox, script: Script
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[SLOW])

    for number in range(10):
        world.at(number / 10).one(f"e{number}", time=50 - abs(number - 4))

    (item,) = world.items()
    assert item.due_at == START + timedelta(seconds=2)
    world.run_until(60)
    assert [message.event for message in outbox.sent] == ["e4"]
    assert len(script.calls) == 1


def test_slow__burst_in_one_batch_is_judged_once(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[SLOW])

    world.process(*(world.event(f"e{n}", time=n) for n in range(10)))
    world.run_until(60)

    assert [message.event for message in outbox.sent] == ["e9"]


def test_slow__event_during_the_run_makes_a_second_item(
    world: World, outbox: Outbox, script: Script
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[SLOW])
    world.one("e1")
    world.at(2)
    claimed = world.claim()

    world.one("e2")
    world.one("e3")
    world.execute(*claimed)
    world.run_until(10)

    assert [message.event for message in outbox.sent] == ["e1", "e3"]
    assert len(script.calls) == 2


def test_slow__other_subjects_have_items_of_their_own(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[SLOW])

    world.process(
        world.event(subject="a"),
        world.event(subject="b"),
        world.event(subject="a", environment="staging"),
    )

    assert len(world.items("evaluate")) == 3


def test_slow__distinct_questions_in_one_call(world: World, script: Script) -> None:
    world.detector("orders")
    world.workflow("w1", "orders", when=[SLOW])
    world.workflow("w2", "orders", when=[SLOW])
    world.process(world.event(subject="a"), world.event(subject="b"))

    world.run_until(2)

    (call,) = script.calls
    assert sorted((q.subject, q.condition_id) for q in call) == [
        (subject, pk)
        for subject in ("a", "b")
        for pk in Condition.objects.order_by("pk").values_list("pk", flat=True)
    ]


def test_slow__condition_deleted_meanwhile_is_gone(
    world: World, outbox: Outbox
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[TRUE, SLOW])
    world.one(ok=True)
    Condition.objects.get(type="t_slow").delete()

    world.run_until(2)

    assert outbox.actions == ["email"]


def test_slow__answers_no(world: World, outbox: Outbox, script: Script) -> None:
    script.answer = lambda question: False
    world.detector("orders")
    world.workflow("tell", "orders", when=[SLOW], trace_until=START + timedelta(days=1))
    world.one()

    world.run_until(2)

    assert outbox.sent == []
    assert WorkItem.objects.get().state == "done"


def test_slow__handler_that_always_raises(
    world: World, outbox: Outbox, script: Script
) -> None:
    def break_down(_: object) -> bool:
        raise ConnectionError("the archive is away")

    script.answer = break_down
    world.detector("orders")
    world.workflow("tell", "orders", when=[SLOW])
    world.one()

    world.run_until(7 * 86_400)

    item = WorkItem.objects.get()
    assert (item.state, item.attempts) == ("done", options.MAX_ATTEMPTS)
    assert len(script.calls) == options.MAX_ATTEMPTS
    assert outbox.sent == []
    assert Firing.objects.count() == 0
    assert _said_later() == [("failed", "condition_error")]


def test_slow__handler_recovers(world: World, outbox: Outbox, script: Script) -> None:
    def now_and_then(_: object) -> bool:
        if len(script.calls) == 1:
            raise ConnectionError("away")
        return True

    script.answer = now_and_then
    world.detector("orders")
    world.workflow("tell", "orders", when=[SLOW])
    world.one()

    world.run_until(86_400)

    assert outbox.actions == ["email"]


def test_slow__no_verdict_is_an_error(
    world: World, outbox: Outbox, script: Script
) -> None:
    script.answer = lambda question: 1
    world.detector("orders")
    world.workflow("tell", "orders", when=[SLOW])
    world.one()

    world.run_until(2)

    assert outbox.sent == []
    assert _said_later() == [("failed", "condition_error")]


def test_slow__one_broken_handler_costs_its_own_items(
    world: World, outbox: Outbox, script: Script
) -> None:
    def for_one(question: Any) -> bool:
        raise ConnectionError

    script.answer = for_one
    world.detector("orders")
    world.workflow("broken", "orders", when=[SLOW], carries=["page"])
    frequency = {"type": "frequency", "period": 60, "op": "gte", "value": 1}
    world.workflow("counts", "orders", when=[frequency])
    world.one()

    world.run_until(2)

    assert outbox.actions == ["email"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"enabled": False}, "workflow_disabled"),
        ({"snoozed_until": START + timedelta(hours=1)}, "snoozed"),
    ],
)
def test_slow__workflow_changed_meanwhile(
    world: World, outbox: Outbox, change: dict[str, Any], reason: str
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[SLOW], trace_until=START + timedelta(days=1))
    world.one()
    Workflow.objects.update(**change)

    world.run_until(2)

    assert outbox.sent == []
    assert [said for _, said in _said_later()] == [reason]


def test_slow__workflow_deleted_meanwhile(
    world: World, outbox: Outbox, settings: Any
) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_SHARE": {"no_match": 1}}
    world.detector("orders")
    world.workflow("tell", "orders", when=[SLOW])
    world.one()
    Workflow.objects.all().delete()

    world.run_until(2)

    assert _said_later() == [("no_match", "workflow_gone")]
    assert WorkItem.objects.get().state == "done"


def test_slow__interval_is_taken_when_it_acts(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[SLOW], interval=300)
    world.one("e1")
    world.run_until(2)

    world.at(10).one("e2")
    world.run_until(20)

    assert [message.event for message in outbox.sent] == ["e1"]


def test_slow__if_group_that_acted_does_not_act_again(
    world: World, outbox: Outbox
) -> None:
    world.detector("orders")
    fast = If(conditions=[TRUE], carries=["fast"])
    slow = If(conditions=[SLOW], carries=["slow"])
    world.workflow("tell", "orders", ifs=[fast, slow])

    outcome = world.one(ok=True)
    world.run_until(10)

    assert fates(outcome) == {"tell": [("fast", "sent")]}
    assert outbox.actions == ["fast", "slow"]


def _said_later() -> list[tuple[str, str]]:
    """Return outcome and reason of what was decided by items, the buffer included."""
    buffer.flush()
    rows = Decision.objects.exclude(reason="pending").order_by("pk")
    return list(rows.values_list("outcome", "reason"))
