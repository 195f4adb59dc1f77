"""The circuit of an action: paused after failures in a row, probed, and switched off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.handlers import Outbox
from tests.processing.world import START, World
from workflow_engine.exceptions import Permanent
from workflow_engine.models import Action, ActionHealth, Firing
from workflow_engine.signals import circuit_closed, circuit_opened

DAY = 86_400


@pytest.fixture
def told() -> Iterator[list[tuple[str, str]]]:
    """Return what the signals of the circuit said."""
    said: list[tuple[str, str]] = []

    def opened(sender: Any, *, action: str, **_: Any) -> None:
        said.append(("opened", action))

    def closed(sender: Any, *, action: str, **_: Any) -> None:
        said.append(("closed", action))

    circuit_opened.connect(opened)
    circuit_closed.connect(closed)
    yield said
    circuit_opened.disconnect(opened)
    circuit_closed.disconnect(closed)


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
    failing: World, outbox: Outbox, told: list[tuple[str, str]]
) -> None:
    outbox.fail("email", None)

    failing.process(failing.event("e1"), failing.event("e2"))
    failing.run_until(59)
    held = failing.firings(state="due")
    failing.run_until(60)

    assert held == [("email", "due", "circuit_open")] * 2
    assert outbox.attempted == ["email", "email"]
    assert told == [("closed", "email")]
    health = ActionHealth.objects.get()
    assert (health.failures, health.open_until, health.failing_since) == (0, None, None)


def test_circuit__says_that_it_opens(
    world: World, outbox: Outbox, told: list[tuple[str, str]]
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
    assert told == [("opened", "email")]
    assert ActionHealth.objects.get().open_until == START + timedelta(seconds=60)


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
        decided_at=failing.clock.now() - timedelta(hours=25)
    )
    failing.run()
    assert late.reason == "sent"
    assert failing.firings(event_id="late") == [("email", "failed", "endpoint_off")]


def test_circuit__switched_off_in_the_end(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    outbox.fail("email", Permanent("500"))
    world.one()
    world.run()

    world.at(72 * 3600).one()
    world.run()
    outbox.attempted.clear()
    world.at(73 * 3600).one("afterwards")
    world.run()

    assert ActionHealth.objects.get().off_at == START + timedelta(hours=72)
    assert outbox.attempted == []
    assert world.firings(event_id="afterwards") == [("email", "failed", "endpoint_off")]
    assert Action.objects.get().enabled


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
