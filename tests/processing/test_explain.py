"""Explain: what would become of an event now, with nothing written and nothing sent."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.handlers import PLAIN, Outbox
from tests.processing.queries import running_statements
from tests.processing.world import START, Carry, World
from workflow_engine.processing.rehearsal import explain
from workflow_engine.types.trace import Trace


def _reasons(trace: Trace) -> list[str]:
    found = [trace.reason, *(line.reason for line in trace.detectors)]
    for line in trace.workflows:
        found += [line.reason, *(fate.reason for fate in line.actions)]
    return [reason.value for reason in found if reason is not None]


def test_explain__recorded_event_has_the_same_reasons(
    world: World, outbox: Outbox
) -> None:
    world.detector("orders", trigger=["data.amount gt 5"])
    world.workflow("tell", "orders", when=["data.vip eq true"])
    world.workflow("not", "orders", when=["data.vip eq false"])
    world.workflow("later", "orders", carries=[Carry(action="page", delay=60)])
    event = world.event("e1", amount=9, vip=True)
    judged = world.trace(event)
    world.run()
    before, sent = world.rows(), len(outbox.sent)

    with CaptureQueriesContext(connection) as queries:
        explained = explain(event, world.clock.now())

    assert _reasons(explained) == _reasons(judged)
    assert world.rows() == before
    assert len(outbox.sent) == sent
    assert running_statements(queries) == []


def test_explain__reads_states_and_intervals(world: World) -> None:
    world.threshold("hot", breaches=2)
    world.workflow("tell", "hot", interval=300)
    world.one("e1", value=11)

    first = explain(world.event("e2", value=11), world.clock.now())
    world.one("e2", value=11)
    world.one("e3", value=1)
    world.one("e4", value=11)
    held = explain(world.event("e5", value=11), world.clock.now())

    assert first.reason == "sent"
    assert held.reason == "interval"
    (fate,) = held.workflows[0].actions
    assert fate.held_until == START + timedelta(seconds=300)


def test_explain__is_not_moved_by_itself(world: World) -> None:
    world.threshold("hot", breaches=2)
    world.workflow("tell", "hot")
    event = world.event("e1", value=11)

    traces = [explain(event, START) for _ in range(3)]

    assert [trace.reason for trace in traces] == ["counting"] * 3
    assert set(world.rows().values()) == {0}


def test_explain__prepares_and_does_not_send(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", carries=["email", "page"])

    trace = explain(world.event(), world.clock.now())

    assert outbox.prepared == ["email", "page"]
    assert outbox.attempted == []
    assert [fate.note for fate in trace.workflows[0].actions] == ["outbox", "outbox"]


def test_explain__never_calls_a_plain_function(world: World) -> None:
    world.detector("orders")
    world.action("plain", kind=PLAIN)
    world.workflow("tell", "orders", carries=["plain"])

    trace = explain(world.event(), world.clock.now())

    (fate,) = trace.workflows[0].actions
    assert "not called" in fate.note


def test_explain__what_ends_an_episode(world: World, outbox: Outbox) -> None:
    world.threshold("hot")
    carries = [
        Carry(action="email", on_resolve=True),
        Carry(action="page", delay=600),
    ]
    world.workflow("tell", "hot", carries=carries)
    world.one("e1", value=11)
    world.run()
    before = world.rows()

    trace = explain(world.event("e2", value=1), world.clock.now())

    assert [fate.action for fate in trace.workflows[0].actions] == ["email"]
    assert trace.reason == "sent"
    assert world.rows() == before
    assert world.firings() == [
        ("email", "succeeded", "sent"),
        ("page", "due", "waiting"),
    ]


def test_explain__speaks_of_the_detection_of_its_workflow(
    world: World, outbox: Outbox
) -> None:
    world.detector("high", priority="high")
    world.detector("low", priority="low")
    world.workflow("tell", "low", when=['detection.detector eq "low"'])

    explain(world.event(), world.clock.now())

    assert outbox.detectors == ["low"]


def test_explain__slow_condition_is_pending_and_not_asked(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[{"type": "t_slow"}])

    trace = explain(world.event(), world.clock.now())

    assert trace.reason == "pending"
    assert set(world.rows().values()) == {0}


def test_explain__same_judgement_as_live(world: World) -> None:
    world.threshold("hot")
    world.workflow("tell", "hot", interval=300)
    events = [world.event(value=value, time=n) for n, value in enumerate((11, 1, 12))]

    pairs = [
        (explain(event, START).reason, world.trace(event).reason) for event in events
    ]

    assert [dry for dry, _ in pairs] == [live for _, live in pairs]
