"""The circuit of an action: paused after failures in a row, probed, and switched off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TypeAlias

import pytest

from tests.handlers import Outbox
from tests.processing.circuits import heard
from tests.processing.world import START, Carry, World
from workflow_engine.exceptions import Permanent
from workflow_engine.models import ActionHealth, Firing

DAY = 86_400

Said: TypeAlias = tuple[str, str, datetime | None]


@pytest.fixture
def told() -> Iterator[list[Said]]:
    """Return what the signals of the circuit said."""
    with heard() as said:
        yield said


@pytest.fixture
def failing(world: World, outbox: Outbox) -> World:
    """Return a world whose action has failed ten times in a row."""
    world.detector("orders")
    world.workflow("tell", "orders")
    outbox.fail("email", Permanent("500"))
    for number in range(10):
        world.one(f"bad-{number}")
        world.run()
    outbox.attempted.clear()
    return world


def test_circuit__opens_after_ten_and_closes_after_a_probe(
    failing: World, outbox: Outbox, told: list[Said]
) -> None:
    outbox.fail("email", None)

    failing.process(failing.event("e1"), failing.event("e2"))
    failing.run_until(59)
    held = failing.firings(state="due")
    failing.run_until(60)

    assert held == [("email", "due", "circuit_open")] * 2
    assert outbox.attempted == ["email", "email"]
    assert told == [("closed", "email", None)]
    health = ActionHealth.objects.get()
    assert (health.failures, health.open_until, health.failing_since) == (0, None, None)


def test_circuit__says_that_it_opens(
    world: World, outbox: Outbox, told: list[Said]
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    outbox.fail("email", Permanent("500"))

    for _ in range(9):
        world.one()
        world.run()
    before = list(told)
    world.one()
    world.run()

    assert before == []
    until = START + timedelta(seconds=60)
    assert told == [("opened", "email", until)]
    assert ActionHealth.objects.get().open_until == until


def test_circuit__puts_off_without_an_attempt(failing: World, outbox: Outbox) -> None:
    failing.one("e1")

    failing.run_until(30)

    assert outbox.attempted == []
    (item,) = failing.items()
    assert item.attempts == 0
    assert item.due_at == START + timedelta(seconds=60)


def test_circuit__pause_doubles_up_to_an_hour(failing: World, outbox: Outbox) -> None:
    pauses = []
    for _ in range(8):
        health = ActionHealth.objects.get()
        assert health.open_until is not None
        failing.clock.move_to(health.open_until)
        started = failing.clock.now()
        failing.one()
        failing.run()
        until = ActionHealth.objects.get().open_until
        assert until is not None
        pauses.append((until - started).total_seconds())

    assert pauses == [120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_circuit__lets_one_probe_through(failing: World, outbox: Outbox) -> None:
    failing.process(*(failing.event(f"e{n}") for n in range(3)))

    failing.run_until(60)

    assert outbox.attempted == ["email"]
    assert len(failing.firings(state="due", reason="circuit_open")) == 2


def test_circuit__success_in_between_starts_anew(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    bad = [Permanent("500")] * 9
    outbox.fail("email", *bad, None, *bad, Permanent("500"))

    for _ in range(19):
        world.one()
        world.run()

    health = ActionHealth.objects.get()
    assert (health.failures, health.open_until) == (9, None)


def test_circuit__firing_older_than_a_day_gives_up(
    failing: World, outbox: Outbox
) -> None:
    failing.one("old")
    failing.run()

    failing.run_until(2 * DAY)

    old = Firing.objects.get(event_id="old")
    assert (old.state, old.reason) in {
        ("failed", "permanent"),
        ("failed", "endpoint_off"),
    }
    ActionHealth.objects.update(open_until=failing.clock.now() + timedelta(hours=1))
    late = failing.one("late")
    Firing.objects.filter(event_id="late").update(
        due_at=failing.clock.now() - timedelta(hours=25)
    )
    failing.run()
    assert late.reason == "sent"
    assert failing.firings(event_id="late") == [("email", "failed", "endpoint_off")]


def test_circuit__patience_begins_when_the_firing_is_due(
    failing: World, outbox: Outbox
) -> None:
    escalation = Carry(action="email", delay=2 * DAY)
    failing.workflow("escalate", "orders", carries=[escalation])
    failing.detector("others", event_type="order.lost")
    failing.workflow("late", "others", carries=[escalation])
    failing.one(type="order.lost")
    now = START + timedelta(days=2)
    ActionHealth.objects.update(open_until=now + timedelta(seconds=30))

    failing.at(2 * DAY).run()
    waiting = failing.firings(workflow_slug="late")
    outbox.fail("email", None)
    failing.run_until(2 * DAY + 30)

    assert waiting == [("email", "due", "circuit_open")]
    assert failing.firings(workflow_slug="late") == [("email", "succeeded", "sent")]


def in_flight(world: World, outbox: Outbox, count: int) -> None:
    """Let so many attempts begin before the first of them ends."""
    world.process(*(world.event() for _ in range(count)))
    pairs = world.claim()

    def begin_the_next(_: str) -> None:
        if pairs:
            world.execute(pairs.pop())

    outbox.before_send = begin_the_next
    world.execute(pairs.pop())
    outbox.before_send = lambda _: None


@pytest.mark.django_db(transaction=True)
def test_circuit__attempts_in_flight_do_not_lengthen_the_pause(
    world: World, outbox: Outbox, told: list[Said]
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    outbox.fail("email", Permanent("500"))

    in_flight(world, outbox, 16)

    until = START + timedelta(seconds=60)
    health = ActionHealth.objects.get()
    assert (health.failures, health.open_until) == (16, until)
    assert told == [("opened", "email", until)]


def test_circuit__late_failures_leave_the_doubling_to_probes(
    world: World, outbox: Outbox
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    outbox.fail("email", Permanent("500"))
    in_flight(world, outbox, 16)

    world.at(60).one()
    world.run()

    health = ActionHealth.objects.get()
    assert health.open_until == START + timedelta(seconds=60 + 120)


def test_circuit__failure_that_began_before_a_failed_probe(
    world: World, outbox: Outbox
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    outbox.fail("email", Permanent("500"))
    world.one("slow")
    (slow,) = world.claim()

    def fall_ill(_: str) -> None:
        outbox.before_send = lambda _: None
        for _number in range(10):
            world.one()
            world.run()
        world.at(60).one()
        world.run()
        world.at(100)

    outbox.before_send = fall_ill
    world.execute(slow)

    health = ActionHealth.objects.get()
    assert health.failures == 12
    assert health.open_until == START + timedelta(seconds=60 + 120)


def test_circuit__slow_probe_that_another_has_overtaken(
    failing: World, outbox: Outbox
) -> None:
    failing.at(60).one()

    def overtake(_: str) -> None:
        outbox.before_send = lambda _: None
        failing.at(120).one()
        failing.run()

    outbox.before_send = overtake
    failing.run()

    health = ActionHealth.objects.get()
    assert health.failures == 12
    assert health.open_until == START + timedelta(seconds=120 + 120)


@pytest.mark.django_db(transaction=True)
def test_circuit__success_in_flight_closes_it(
    world: World, outbox: Outbox, told: list[Said]
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    outbox.fail("email", *[Permanent("500")] * 11, None)
    world.one()
    world.run()

    in_flight(world, outbox, 11)

    assert told == [
        ("opened", "email", START + timedelta(seconds=60)),
        ("closed", "email", None),
    ]
    assert ActionHealth.objects.get().open_until is None


def test_circuit__of_another_action_is_closed(failing: World, outbox: Outbox) -> None:
    failing.workflow("page", "orders", carries=["page"])

    failing.one()
    failing.run()

    assert outbox.actions == ["page"]


def test_circuit__keeps_no_secret(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    outbox.fail("email", Permanent("token=s3cr3t was refused"))

    world.one()
    world.run()

    assert "s3cr3t" not in ActionHealth.objects.get().last_error
