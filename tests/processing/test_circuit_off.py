"""An action switched off: warned of before, told when it happens, and turned on by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TypeAlias

import pytest
from django.db import transaction

from tests.factories import ActionHealthFactory
from tests.handlers import Outbox
from tests.processing.circuits import LOGGER, heard
from tests.processing.world import START, World
from workflow_engine.exceptions import EndpointGone, Permanent
from workflow_engine.models import Action, ActionHealth
from workflow_engine.processing.circuit import turn_on

HOUR = timedelta(hours=1)

Said: TypeAlias = tuple[str, str, datetime | None]


@pytest.fixture
def told() -> Iterator[list[Said]]:
    """Return what the signals of the circuit said."""
    with heard() as said:
        yield said


@pytest.fixture
def orders(world: World) -> World:
    """Return a world with one workflow that carries one action."""
    world.detector("orders")
    world.workflow("tell", "orders")
    return world


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return level and action of every line that should wake somebody."""
    return [
        (record.levelname, vars(record)["action"])
        for record in caplog.records
        if record.name == LOGGER and record.levelname != "INFO"
    ]


def test_off__after_unbroken_failure(orders: World, outbox: Outbox) -> None:
    outbox.fail("email", Permanent("500"))
    orders.one()
    orders.run()

    orders.at(72 * 3600).one()
    orders.run()
    outbox.attempted.clear()
    orders.at(73 * 3600).one("afterwards")
    orders.run()

    assert ActionHealth.objects.get().off_at == START + 72 * HOUR
    assert outbox.attempted == []
    assert orders.firings(event_id="afterwards") == [
        ("email", "failed", "endpoint_off")
    ]
    assert Action.objects.get().enabled


def test_off__two_warnings_and_an_error_on_the_way(
    orders: World,
    outbox: Outbox,
    told: list[Said],
    caplog: pytest.LogCaptureFixture,
) -> None:
    outbox.fail("email", Permanent("500"))
    lines: list[tuple[int, str, str]] = []

    for hour in range(75):
        caplog.clear()
        orders.at(hour * 3600).one()
        orders.run()
        lines += [(hour, *line) for line in logged(caplog)]

    assert lines == [
        (24, "WARNING", "circuit_failing"),
        (48, "WARNING", "circuit_failing"),
        (72, "ERROR", "circuit_off"),
    ]
    assert told == [
        ("opened", "email", START + 9 * HOUR + timedelta(seconds=60)),
        ("opened", "email", None),
    ]


def test_off__warnings_begin_anew_after_a_success(
    orders: World, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    bad = Permanent("500")
    outbox.fail("email", bad, bad, None, bad)

    for hour in (0, 24, 25, 26, 49, 50):
        orders.at(hour * 3600).one()
        orders.run()

    assert logged(caplog) == [("WARNING", "circuit_failing")] * 2


@pytest.mark.parametrize("before", [0, 9], ids=["first", "tenth"])
def test_off__endpoint_gone(
    orders: World,
    outbox: Outbox,
    told: list[Said],
    caplog: pytest.LogCaptureFixture,
    before: int,
) -> None:
    outbox.fail("email", *[Permanent("500")] * before, EndpointGone("410"), None)
    for _ in range(before + 1):
        orders.one()
        orders.run()

    orders.one("afterwards")
    orders.run()

    assert told == [("opened", "email", None)]
    assert logged(caplog) == [("ERROR", "circuit_off")]
    assert len(outbox.attempted) == before + 1
    assert orders.firings(event_id="afterwards") == [
        ("email", "failed", "endpoint_off")
    ]


@pytest.mark.django_db(transaction=True)
def test_off__attempts_in_flight_change_nothing(
    orders: World,
    outbox: Outbox,
    told: list[Said],
    caplog: pytest.LogCaptureFixture,
) -> None:
    outbox.fail("email", Permanent("500"), *[EndpointGone("410")] * 11, None)
    orders.one()
    orders.run()
    orders.process(*(orders.event() for _ in range(12)))
    pairs = orders.claim()

    def begin_the_next(_: str) -> None:
        if pairs:
            orders.execute(pairs.pop())

    outbox.before_send = begin_the_next
    orders.execute(pairs.pop())

    health = ActionHealth.objects.get()
    assert (health.off_at, health.open_until) == (START, None)
    assert (health.failures, health.last_error) == (12, "EndpointGone: 410")
    assert told == [("opened", "email", None)]
    assert logged(caplog) == [("ERROR", "circuit_off")]


def test_turn_on__begins_anew(orders: World, outbox: Outbox, told: list[Said]) -> None:
    outbox.fail("email", EndpointGone("410"), None)
    orders.one()
    orders.run()
    ActionHealth.objects.update(failed_probes=3, warnings=2, open_until=START + HOUR)
    action = Action.objects.get()
    told.clear()

    turned = orders.committing(lambda: turn_on([action.pk], "default"))

    assert turned == [action.pk]
    assert told == [("closed", "email", None)]
    health = ActionHealth.objects.get()
    assert (health.off_at, health.failing_since, health.failures) == (None, None, 0)
    assert (health.open_until, health.failed_probes, health.warnings) == (None, 0, 0)
    assert health.last_error == ""


def test_turn_on__is_carried_out_again(orders: World, outbox: Outbox) -> None:
    outbox.fail("email", EndpointGone("410"), None)
    orders.one()
    orders.run()

    turn_on([Action.objects.get().pk], "default")
    orders.one("afterwards")
    orders.run()

    assert [message.event for message in outbox.sent] == ["afterwards"]


def test_turn_on__leaves_what_is_not_off(world: World, told: list[Said]) -> None:
    paused = ActionHealthFactory(paused=True)
    well = world.action("well")

    turned = world.committing(lambda: turn_on([paused.action_id, well.pk], "default"))

    assert turned == []
    assert told == []
    assert ActionHealth.objects.get().failures == 10


@pytest.mark.django_db(transaction=True)
def test_turn_on__told_after_the_commit(world: World, told: list[Said]) -> None:
    off = ActionHealthFactory(off=True, action__slug="email")

    with transaction.atomic():
        turn_on([off.action_id], "default")
        before = list(told)

    assert before == []
    assert told == [("closed", "email", None)]
