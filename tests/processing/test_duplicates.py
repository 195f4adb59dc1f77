"""An event has its effects once, however often and by whomever it is processed."""

from __future__ import annotations

from tests.handlers import Outbox
from tests.processing.world import World, changes, reasons
from workflow_engine.models import (
    ActionInterval,
    Decision,
    DetectorState,
    EventCount,
    EventReceipt,
)

DAY = 86_400


def test_process__same_event_twice_fires_once(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", interval=300)
    event = world.event("e1")

    first = world.process(event)
    held_until = ActionInterval.objects.get().held_until
    second = world.at(10).process(event)
    world.run()

    assert reasons([*first, *second]) == ["sent", "duplicate_event"]
    assert second[0].outcome == "held"
    assert outbox.actions == ["email"]
    assert ActionInterval.objects.get().held_until == held_until


def test_process__receipt_expires_at_dedupe_seconds(
    world: World, outbox: Outbox
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    event = world.event("e1")

    world.process(event)
    young = world.at(DAY - 1).process(event)
    old = world.at(DAY).process(event)
    renewed = world.at(DAY + 1).process(event)
    world.run()

    assert reasons([*young, *old, *renewed]) == [
        "duplicate_event",
        "sent",
        "duplicate_event",
    ]
    assert outbox.actions == ["email", "email"]


def test_process__first_copy_in_a_batch_counts(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")

    outcomes = world.process(
        world.event("e1", subject="first"),
        world.event("e2"),
        world.event("e1", subject="second"),
    )
    world.run()

    assert reasons(outcomes) == ["sent", "sent", "duplicate_event"]
    assert sorted(message.subject for message in outbox.sent) == ["cart-7", "first"]


def test_process__duplicates_leave_the_rest_of_their_batch_alone(
    world: World, outbox: Outbox
) -> None:
    world.threshold("hot", breaches=2)
    world.workflow("tell", "hot")
    known = world.event("e1", value=11)
    world.process(known)

    outcomes = world.process(known, world.event("e2", value=11))
    world.run()

    assert reasons(outcomes) == ["duplicate_event", "sent"]
    assert outbox.actions == ["email"]
    assert DetectorState.objects.get().version == 2


def test_process__same_id_at_another_source_is_another_event(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")

    outcomes = world.process(
        world.event("e1", source="/a"), world.event("e1", source="/b")
    )

    assert reasons(outcomes) == ["sent", "sent"]


def test_process__event_without_effects_leaves_no_receipt(world: World) -> None:
    world.detector("orders", trigger=["data.amount gt 5"])
    world.workflow("tell", "orders", when=["data.vip eq true"])

    outcomes = world.process(
        world.event("e1", amount=1),
        world.event("e2", amount=9, vip=False),
        world.event("e3", type="nobody.watches"),
    )

    assert reasons(outcomes) == ["trigger", "when", "no_detector"]
    assert EventReceipt.objects.count() == 0


def test_process__held_event_leaves_a_receipt(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", interval=300)
    world.one("e1")

    held = world.one("e2")
    again = world.one("e2")

    assert reasons([held, again]) == ["interval", "duplicate_event"]
    assert EventReceipt.objects.count() == 2


def test_process__duplicate_counts_for_no_frequency(world: World) -> None:
    world.detector("orders")
    frequency = {"type": "frequency", "period": 60, "op": "gte", "value": 3}
    world.workflow("tell", "orders", when=[frequency])
    event = world.event("e1")

    world.process(event)
    world.process(event)

    assert EventCount.objects.get().count == 1


def test_process__duplicate_keeps_a_decision_of_its_own(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")

    world.one("e1")
    world.one("e1")

    kept = Decision.objects.order_by("pk").values_list("outcome", "reason")
    assert list(kept) == [("fired", "sent"), ("held", "duplicate_event")]


def test_process__stateful_event_once_only(world: World) -> None:
    world.threshold("hot", breaches=2)
    world.workflow("tell", "hot")

    said = [*world.process(world.event("e1", value=11))]
    again = world.one("e1", value=11)
    said += world.process(world.event("e2", value=11))

    assert changes(said) == ["counting", "opened"]
    assert again.reason == "duplicate_event"
