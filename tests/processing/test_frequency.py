"""Counting: which events a frequency condition counts, and what its period covers."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.handlers import Outbox
from tests.processing.queries import running_statements
from tests.processing.world import START, If, World, reasons
from workflow_engine.models import EventCount


def often(value: int, period: int = 60) -> dict[str, Any]:
    """Return a frequency condition."""
    return {"type": "frequency", "period": period, "op": "gte", "value": value}


def test_frequency__counts_what_the_fast_conditions_let_through(
    world: World, outbox: Outbox
) -> None:
    world.detector("logs")
    world.workflow("tell", "logs", when=['data.level eq "error"', often(3)])

    said = []
    for second, level in [(0, "error"), (10, "info"), (20, "error"), (50, "error")]:
        world.run_until(second)
        with CaptureQueriesContext(connection) as queries:
            said.append(world.one(f"e{second}", level=level))
        if level == "info":
            assert running_statements(queries) == []
    world.run_until(60)

    assert reasons(said) == ["pending", "when", "pending", "pending"]
    assert sum(EventCount.objects.values_list("count", flat=True)) == 3
    assert [message.event for message in outbox.sent] == ["e50"]


def test_frequency__period_is_exact_to_the_second(world: World, outbox: Outbox) -> None:
    world.detector("logs")
    world.workflow("tell", "logs", when=[often(2)])

    world.at(0).one("first")
    world.run_until(58)
    world.at(60).one("a minute later")
    world.run_until(100)

    assert outbox.sent == []
    world.at(119).one("59 seconds later")
    world.run_until(130)
    assert [message.event for message in outbox.sent] == ["59 seconds later"]


def test_frequency__other_subjects_and_environments_do_not_count(
    world: World, outbox: Outbox
) -> None:
    world.detector("logs")
    world.workflow("tell", "logs", when=[often(2)])

    world.process(
        world.event(subject="a"),
        world.event(subject="b"),
        world.event(subject="a", environment="staging"),
    )
    world.run_until(10)

    assert outbox.sent == []


def test_frequency__in_an_if_group_counts_what_reaches_it(
    world: World, outbox: Outbox
) -> None:
    world.detector("logs")
    world.workflow(
        "tell",
        "logs",
        when=["data.vip eq true"],
        ifs=[
            If(conditions=['data.level eq "error"', often(2)], carries=["errors"]),
            If(conditions=[often(3)], carries=["all"]),
        ],
    )

    for vip, level in [(True, "error"), (True, "info"), (False, "error")]:
        world.one(vip=vip, level=level)
    world.run_until(10)
    assert outbox.sent == []
    world.at(11).one(vip=True, level="error")
    world.run_until(20)

    assert sorted(outbox.actions) == ["all", "errors"]


def test_frequency__batch_adds_up(world: World, outbox: Outbox) -> None:
    world.detector("logs")
    world.workflow("tell", "logs", when=[often(100)])

    world.process(*(world.event(f"e{n}") for n in range(100)))
    world.run_until(10)

    assert EventCount.objects.get().count == 100
    assert len(outbox.sent) == 1


def test_frequency__two_workflows_count_for_themselves(world: World) -> None:
    world.detector("logs")
    world.workflow("w1", "logs", when=[often(3)])
    world.workflow("w2", "logs", when=["data.vip eq true", often(3)])

    world.process(world.event(vip=True), world.event(vip=False))

    assert sorted(EventCount.objects.values_list("count", flat=True)) == [1, 2]


def test_frequency__item_counts_its_event_only_once(world: World) -> None:
    world.detector("logs")
    world.workflow("tell", "logs", when=[often(1)])
    world.one()

    world.run_until(10)

    assert EventCount.objects.get().count == 1


def test_frequency__late_event_counts_at_its_own_time(
    world: World, outbox: Outbox
) -> None:
    world.detector("logs")
    world.workflow("tell", "logs", when=[often(2)])

    world.at(100).one("now", time=100)
    world.one("long ago", time=0)
    world.run_until(110)

    assert outbox.sent == []
    assert world.at(0).clock.now() == START
