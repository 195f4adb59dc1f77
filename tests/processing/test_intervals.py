"""How often an action acts: intervals, delays, and equal actions merged into one."""

from __future__ import annotations

from datetime import timedelta

from tests.handlers import Outbox
from tests.processing.world import START, Carry, World, fates, reasons
from workflow_engine.exceptions import Permanent
from workflow_engine.models import ActionInterval, Firing

DAY = 86_400


def test_interval__held_until_its_end_and_not_at_it(
    world: World, outbox: Outbox
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", interval=300)

    outcomes = [
        world.at(0).one(),
        world.at(1).one(environment="staging"),
        world.at(299.999).one(),
        world.at(300).one(),
    ]
    world.run()

    assert reasons(outcomes) == ["sent", "sent", "interval", "sent"]
    assert outcomes[2].outcome == "held"
    assert len(outbox.sent) == 3


def test_interval__each_subject_has_its_own(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", interval=300)

    outcomes = world.process(
        world.event(subject="a"), world.event(subject="b"), world.event(subject="a")
    )

    assert reasons(outcomes) == ["sent", "sent", "interval"]


def test_interval__zero_holds_nobody_and_leaves_no_row(
    world: World, outbox: Outbox
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", interval=0)

    outcomes = world.process(world.event(), world.event())
    world.run()

    assert reasons(outcomes) == ["sent", "sent"]
    assert len(outbox.sent) == 2
    assert ActionInterval.objects.count() == 0


def test_interval__of_another_workflow_holds_nobody(world: World) -> None:
    world.detector("orders")
    world.detector("refunds", event_type="order.refunded")
    world.workflow("w1", "orders")
    world.workflow("w2", "orders", "refunds", interval=DAY)
    world.one(type="order.refunded")
    before = ActionInterval.objects.get()

    outcome = world.at(3600).one()

    assert fates(outcome) == {"w1": [("email", "sent")], "w2": [("email", "interval")]}
    assert Firing.objects.filter(workflow_slug="w1").count() == 1
    after = ActionInterval.objects.get()
    assert (after.held_until, after.firing_id) == (before.held_until, before.firing_id)


def test_interval__trace_names_who_holds_and_until_when(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", interval=300)
    world.one()
    holder = Firing.objects.get()

    (line,) = world.at(10).trace(world.event()).workflows

    (fate,) = line.actions
    assert fate.held_until == START + timedelta(seconds=300)
    assert fate.firing == str(holder.uuid)


def test_interval__taken_once_for_all_delays_of_an_action(
    world: World, outbox: Outbox
) -> None:
    world.detector("orders")
    carries = [Carry(action="email"), Carry(action="email", delay=600)]
    world.workflow("tell", "orders", carries=carries, interval=3600)

    outcome = world.one()
    held = world.at(1).one()
    world.run_until(700)

    assert fates(outcome) == {"tell": [("email", "sent"), ("email", "waiting")]}
    assert fates(held) == {"tell": [("email", "interval"), ("email", "interval")]}
    assert ActionInterval.objects.count() == 1
    assert [message.at for message in outbox.sent] == [
        START + timedelta(seconds=1),
        START + timedelta(seconds=600),
    ]


def test_merge__equal_configurations_act_once(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.action("first", config={"text": "hello", "to": "a"})
    world.action("second", config={"to": "a", "text": "hello"})
    world.workflow("w1", "orders", carries=["second"], interval=300)
    world.workflow("w2", "orders", carries=["first"], interval=600)

    outcome = world.one()
    world.run()

    assert fates(outcome) == {
        "w1": [("second", "sent")],
        "w2": [("first", "same_action")],
    }
    assert outbox.actions == ["second"]
    acting = Firing.objects.get()
    holders = {row.workflow.slug: row.firing for row in ActionInterval.objects.all()}
    assert holders == {"w1": acting, "w2": acting}


def test_merge__different_text_acts_twice(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.action("first", config={"text": "hello"})
    world.action("second", config={"text": "good bye"})
    world.workflow("w1", "orders", carries=["first"])
    world.workflow("w2", "orders", carries=["second"])

    outcome = world.one()
    world.run()

    assert fates(outcome) == {"w1": [("first", "sent")], "w2": [("second", "sent")]}
    assert sorted(outbox.actions) == ["first", "second"]


def test_merge__different_delay_acts_twice(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("w1", "orders", carries=["email"])
    world.workflow("w2", "orders", carries=[Carry(action="email", delay=60)])

    world.one()
    world.run_until(60)

    assert outbox.actions == ["email", "email"]


def test_merge__firing_takes_on_resolve_of_any(world: World) -> None:
    world.detector("orders")
    world.workflow("w1", "orders", carries=["email"])
    world.workflow("w2", "orders", carries=[Carry(action="email", on_resolve=True)])

    world.one()

    assert Firing.objects.get().on_resolve


def test_merge__held_twin_does_not_shadow(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("w1", "orders", interval=300)
    world.one()
    world.workflow("w2", "orders", interval=300)

    outcome = world.at(10).one()
    world.run()

    assert fates(outcome) == {"w1": [("email", "interval")], "w2": [("email", "sent")]}
    assert len(outbox.sent) == 2


def test_merge__disabled_action_shadows_no_twin(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.action("off", enabled=False, config={"text": "hello"})
    world.action("on", config={"text": "hello"})
    world.workflow("tell", "orders", carries=["off", "on"], interval=300)

    outcome = world.one()
    world.run()

    assert fates(outcome) == {"tell": [("off", "action_disabled"), ("on", "sent")]}
    assert outbox.actions == ["on"]
    assert ActionInterval.objects.get().action.slug == "on"


def test_interval__of_a_failed_firing_opens_beside_a_resolved_message(
    world: World, outbox: Outbox
) -> None:
    world.threshold("hot")
    world.detector("calm", trigger=["data.value lt 5"])
    carries = [Carry(action="email", on_resolve=True)]
    world.workflow("tell", "hot", "calm", carries=carries, interval=300)
    world.one(value=11)
    world.run()
    outbox.fail("email", Permanent("no such mailbox"), None)

    world.at(400).one(value=1)
    world.run()
    again = world.at(401).one(value=1)

    assert [message.purpose for message in outbox.sent] == ["trigger", "resolve"]
    assert fates(again) == {"tell": [("email", "sent")]}
