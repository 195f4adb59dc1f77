"""Firings carried out: attempts, their end, and what stops one that comes due."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import QuerySet

from tests.handlers import Outbox
from tests.processing.world import START, Carry, World, fates
from workflow_engine.conf import options
from workflow_engine.exceptions import Permanent, RetryAfter
from workflow_engine.models import (
    Action,
    ActionHealth,
    ActionInterval,
    Delivery,
    Detector,
    Firing,
    GroupAction,
    Workflow,
    WorkItem,
)

WEEK = 7 * 86_400
LATER = Carry(action="page", delay=600)


@pytest.fixture
def orders(world: World) -> World:
    """Return a world with a detector of orders that failed."""
    world.detector("orders")
    return world


def test_act__delivery_is_kept(orders: World, outbox: Outbox) -> None:
    orders.workflow("tell", "orders")
    orders.one(amount=9)

    orders.run()

    delivery = Delivery.objects.get()
    assert (delivery.attempt, delivery.ok, delivery.endpoint) == (1, True, "outbox")
    assert delivery.request["event"] == {"amount": 9}
    assert outbox.sent[0].uuid == str(Firing.objects.get().uuid)


def test_act__fails_until_attempts_end_and_the_interval_opens(
    orders: World, outbox: Outbox
) -> None:
    orders.workflow("tell", "orders", interval=WEEK)
    outbox.fail("email", OSError("500"))
    orders.one("e1")
    orders.run_until(100)

    during = orders.one("e2")
    orders.run_until(WEEK - 1000)
    failed = orders.firings()
    outbox.fail("email", None)
    after = orders.one("e3")
    orders.run()

    assert fates(during) == {"tell": [("email", "interval")]}
    assert failed == [("email", "failed", "attempts_used")]
    assert outbox.attempted.count("email") == options.MAX_ATTEMPTS + 1
    assert fates(after) == {"tell": [("email", "sent")]}
    assert [message.event for message in outbox.sent] == ["e3"]
    first = Firing.objects.order_by("pk")[0]
    assert first.attempts == options.MAX_ATTEMPTS
    assert first.finished_at is not None


def test_act__retrying_between_attempts(orders: World, outbox: Outbox) -> None:
    orders.workflow("tell", "orders")
    outbox.fail("email", RetryAfter(60), None)
    orders.one()
    orders.run()

    waiting = orders.firings()
    orders.run_until(59)
    attempts = len(outbox.attempted)
    orders.run_until(60)

    assert waiting == [("email", "retrying", "sent")]
    assert attempts == 1
    assert [(m.attempt, m.at) for m in outbox.sent] == [
        (2, START + timedelta(seconds=60))
    ]
    assert len({message.uuid for message in outbox.sent}) == 1
    assert [d.ok for d in Delivery.objects.order_by("attempt")] == [False, True]


@pytest.mark.parametrize("seconds", [-5, 0, 1e12, float("inf"), float("nan")])
def test_act__asks_to_wait_for_no_sensible_time(
    orders: World, outbox: Outbox, seconds: float
) -> None:
    orders.workflow("tell", "orders")
    outbox.fail("email", RetryAfter(seconds), None)
    orders.one()

    orders.execute(*orders.claim())

    assert orders.firings() == [("email", "retrying", "sent")]
    assert Delivery.objects.count() == 1
    assert WorkItem.objects.get().state == "scheduled"


def test_act__permanent(orders: World, outbox: Outbox) -> None:
    orders.workflow("tell", "orders", interval=WEEK)
    outbox.fail("email", Permanent("no such address"))
    orders.one()

    orders.run()

    assert orders.firings() == [("email", "failed", "permanent")]
    assert WorkItem.objects.get().state == "dead"
    assert ActionInterval.objects.get().held_until == START
    delivery = Delivery.objects.get()
    assert (delivery.ok, delivery.error_class) == (False, "Permanent")


def test_act__handler_missing(orders: World) -> None:
    action = orders.action("email")
    orders.workflow("tell", "orders")
    orders.one()
    QuerySet(Action).filter(pk=action.pk).update(kind="t_nobody")

    orders.run()

    assert orders.firings() == [("email", "failed", "handler_missing")]
    assert not ActionHealth.objects.exists()


@pytest.mark.parametrize(
    ("model", "change", "reason"),
    [
        (Workflow, {"enabled": False}, "disabled"),
        (Action, {"enabled": False}, "disabled"),
        (Detector, {"enabled": False}, "disabled"),
        (Workflow, {"snoozed_until": START + timedelta(hours=1)}, "snoozed"),
        (Workflow, None, "gone"),
        (Detector, None, "gone"),
        (Action, None, "gone"),
    ],
    ids=lambda value: str(getattr(value, "__name__", value)),
)
def test_act__rules_have_changed_when_it_comes_due(
    orders: World,
    outbox: Outbox,
    model: Any,
    change: dict[str, Any] | None,
    reason: str,
) -> None:
    orders.workflow("tell", "orders", carries=[LATER], interval=WEEK)
    orders.one()
    if change is None:
        GroupAction.objects.all().delete()
        model.objects.all().delete()
    else:
        model.objects.update(**change)

    orders.run_until(700)

    assert outbox.attempted == []
    assert orders.firings() == [("page", "cancelled", reason)]
    assert WorkItem.objects.get().state == "done"
    assert not ActionInterval.objects.filter(held_until__gt=orders.clock.now()).exists()


def test_act__snoozed_while_it_is_retried(orders: World, outbox: Outbox) -> None:
    workflow = orders.workflow("tell", "orders")
    outbox.fail("email", RetryAfter(60))
    orders.one()
    orders.run()
    workflow.snoozed_until = START + timedelta(hours=1)
    workflow.save()

    orders.run_until(600)

    assert orders.firings() == [("email", "cancelled", "snoozed")]
    assert outbox.attempted == ["email"]


def test_act__uses_the_present_configuration(orders: World, outbox: Outbox) -> None:
    orders.workflow("tell", "orders", carries=[LATER])
    orders.one()
    action = Action.objects.get()
    action.config = {"text": "changed meanwhile"}
    action.save()

    orders.run_until(600)

    assert Delivery.objects.get().request["text"] == "changed meanwhile"


def test_act__ended_before_its_item_runs(orders: World, outbox: Outbox) -> None:
    orders.workflow("tell", "orders", carries=[LATER])
    orders.one()
    orders.at(600)
    claimed = orders.claim()
    Firing.objects.update(state="cancelled", reason="acknowledged")

    orders.execute(*claimed)

    assert outbox.attempted == []
    assert orders.firings() == [("page", "cancelled", "acknowledged")]
    assert orders.items() == []


def test_act__two_delays_of_one_acquisition(orders: World, outbox: Outbox) -> None:
    carries = [Carry(action="page"), LATER]
    orders.workflow("tell", "orders", carries=carries, interval=WEEK)
    outbox.fail("page", Permanent("no"), None)
    orders.one()
    orders.run()

    held = ActionInterval.objects.get().held_until
    orders.run_until(600)

    assert held == START + timedelta(seconds=WEEK)
    assert orders.firings() == [
        ("page", "failed", "permanent"),
        ("page", "succeeded", "sent"),
    ]


def test_act__interval_opens_when_the_last_delay_has_failed_too(
    orders: World, outbox: Outbox
) -> None:
    carries = [Carry(action="page"), LATER]
    orders.workflow("tell", "orders", carries=carries, interval=WEEK)
    outbox.fail("page", Permanent("no"))
    orders.one()

    orders.run_until(601)

    end = START + timedelta(seconds=600)
    assert ActionInterval.objects.get().held_until == end


def test_act__text_no_database_stores(orders: World, outbox: Outbox) -> None:
    orders.workflow("tell", "orders")
    outbox.fail("email", Permanent("a\0b \ud800 c", response={"body": "x\0y \udfff"}))
    orders.one()

    orders.run()

    assert orders.firings() == [("email", "failed", "permanent")]
    delivery = Delivery.objects.get()
    assert delivery.error == "ab ? c"
    assert delivery.response == {"body": "x\ufffdy \ufffd"}


def test_act__payload_that_cannot_be_read(orders: World, outbox: Outbox) -> None:
    orders.workflow("tell", "orders", interval=WEEK)
    orders.one()
    WorkItem.objects.update(payload={"event": "of a release long gone"})

    orders.run()

    item = WorkItem.objects.get()
    assert (item.state, item.error_class) == ("dead", "Permanent")
    assert item.error.startswith("the payload cannot be read: ")
    assert orders.firings() == [("email", "failed", "permanent")]
    assert outbox.attempted == []
    assert not ActionHealth.objects.exists()
    assert ActionInterval.objects.get().held_until == START


def test_act__cancelled_by_hand_while_it_runs(orders: World, outbox: Outbox) -> None:
    orders.workflow("tell", "orders")
    orders.one()
    WorkItem.objects.update(cancel_requested_at=START)
    outbox.fail("email", OSError("500"))

    orders.run()

    assert orders.firings() == [("email", "cancelled", "by_hand")]
    assert WorkItem.objects.get().state == "cancelled"
