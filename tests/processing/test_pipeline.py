"""A batch of events: its order, its one transaction, and what an error leaves behind."""

from __future__ import annotations

from datetime import datetime

import pytest
from django.db import DatabaseError

from tests.handlers import Outbox
from tests.processing.world import START, Carry, World, changes, fates, reasons
from workflow_engine.models import DetectorState, Firing, WorkItem
from workflow_engine.processing.effects import Effects
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.processing.pipeline import process

LATER = Carry(action="page", delay=600)


def test_process__matching_event_fires_once(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")

    outcome = world.one("e1")
    world.run()

    assert (outcome.outcome, outcome.reason) == ("fired", "sent")
    assert outbox.actions == ["email"]
    assert world.firings() == [("email", "succeeded", "sent")]


def test_process__nothing(world: World) -> None:
    assert world.process() == []


def test_process__outcomes_in_the_order_given(world: World) -> None:
    world.threshold("hot")

    outcomes = world.process(
        world.event("late", value=11, time=20),
        world.event("early", value=1, time=10),
    )

    assert [outcome.id for outcome in outcomes] == ["late", "early"]
    assert changes(outcomes) == ["opened", "unchanged"]


def test_process__subject_taken_by_time_ties_as_given(world: World) -> None:
    world.threshold("hot")

    outcomes = world.process(
        world.event("b", value=1, time=10),
        world.event("c", value=12, time=10),
        world.event("a", value=11, time=5),
    )

    assert changes(outcomes) == ["resolved", "opened", "opened"]


def test_process__time_of_acceptance_is_kept_for_later(world: World) -> None:
    world.threshold("hot")
    world.at(30)

    world.one(value=11, time=10)

    state = DetectorState.objects.get()
    assert state.watermark == world.event(time=10).time
    assert state.last_seen_at == world.clock.now()


class _Broken(DatabaseLedger):
    """Fails as the last thing it does."""

    def write(self, effects: Effects, now: datetime) -> None:
        super().write(effects, now)
        raise DatabaseError("the disk is full")


def test_process__database_error_writes_nothing(world: World, outbox: Outbox) -> None:
    world.threshold("hot")
    frequency = {"type": "frequency", "period": 60, "op": "gte", "value": 3}
    world.workflow("tell", "hot", interval=300)
    world.workflow("slow", "hot", when=[frequency])
    event = world.event("e1", value=11)

    with pytest.raises(DatabaseError, match="disk is full"):
        world.committing(lambda: process([event], _Broken(world.send), START))

    assert set(world.rows().values()) == {0}
    assert world.sent == []
    world.process(event)
    world.run()
    assert outbox.actions == ["email"]


class _Killed(DatabaseLedger):
    """Is interrupted before it writes."""

    def write(self, effects: Effects, now: datetime) -> None:
        raise KeyboardInterrupt


def test_process__interrupt_is_not_swallowed(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    event = world.event("e1")

    with pytest.raises(KeyboardInterrupt):
        world.committing(lambda: process([event], _Killed(), START))

    assert set(world.rows().values()) == {0}


def test_process__due_now_is_sent_and_due_later_is_not(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", carries=["email", LATER])

    world.one()

    rows = WorkItem.objects.order_by("due_at").values_list("state", "lane")
    assert list(rows) == [("sent", "act:t_recorded"), ("scheduled", "act:t_recorded")]
    assert len(world.sent) == 1


def test_process__without_a_send_all_is_left_to_the_runner(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")

    process([world.event("e1")], DatabaseLedger(), START)

    assert WorkItem.objects.get().state == "scheduled"


def test_process__outcome_tells_all(world: World) -> None:
    world.threshold("hot")
    world.workflow("tell", "hot", carries=["email", LATER])

    outcome = world.one("e1", value=11)

    (said,) = outcome.detections
    assert (said.detector, said.change, said.from_, said.to, said.reason) == (
        "hot",
        "opened",
        "ok",
        "high",
        None,
    )
    assert fates(outcome) == {"tell": [("email", "sent"), ("page", "waiting")]}
    assert [(f.workflow, f.action, f.due) for f in outcome.firings] == [
        ("tell", "email", START),
        ("tell", "page", world.at(600).clock.now()),
    ]


def test_process__firing_names_its_event_and_rules(world: World) -> None:
    world.threshold("hot")
    world.workflow("tell", "hot")

    world.one("e1", value=11, environment="staging")

    firing = Firing.objects.select_related("decision").get()
    assert firing.decision is not None
    assert firing.decision.uuid == firing.trace_id
    assert (firing.event_id, firing.environment, firing.subject) == (
        "e1",
        "staging",
        "cart-7",
    )
    assert (firing.detector_slug, firing.workflow_slug, firing.action_slug) == (
        "hot",
        "tell",
        "email",
    )
    assert firing.episode == DetectorState.objects.get().episode


def test_process__no_link(world: World) -> None:
    world.detector("orders")

    outcome = world.one()

    assert reasons([outcome]) == ["no_link"]
    assert outcome.detections[0].change == "repeated"
