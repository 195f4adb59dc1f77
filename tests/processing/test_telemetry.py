"""The steps of the engine as spans: a tree for each batch and each item, linked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from opentelemetry.trace import StatusCode

from tests.handlers import Outbox
from tests.processing.world import START, Carry, World
from tests.telemetry.recording import Recording, linked, providing, told
from workflow_engine.exceptions import Permanent
from workflow_engine.models import Firing, WorkItem
from workflow_engine.processing.schedule import enqueue_events

LATER = Carry(action="page", delay=600)
JUDGED = ["look_up", "detect", "match", "publish", ["plan", "enqueue"]]


@pytest.fixture
def recording(world: World) -> Iterator[Recording]:
    """Return what is told to a project that traces."""
    found = Recording()
    with providing(found.processor):
        yield found


def _orders(world: World, *carries: str | Carry) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", carries=carries, interval=0)


def test_spans__event_that_fires_later(world: World, recording: Recording) -> None:
    _orders(world, LATER)

    world.one("e1", amount="hunter2")
    first = recording.tree()
    (process,), (enqueue,) = recording.named("process"), recording.named("enqueue")
    recording.clear()
    world.run_until(600)

    assert first == ["process", JUDGED]
    assert told(process) == {
        "events": 1,
        "outcome.fired": 1,
        "event_id": "e1",
        "event_type": "order.failed",
        "reason": "waiting",
        "trace_id": Firing.objects.get().trace_id.hex,
    }
    assert recording.tree() == ["execute", ["act"]]
    (execute,), (act,) = recording.named("execute"), recording.named("act")
    context = enqueue.get_span_context()
    assert context is not None
    assert linked(execute) == [context.span_id]
    assert execute.links[0].context.trace_id == context.trace_id
    assert told(execute)["item_kind"] == "act"
    assert told(act)["firing"] == str(Firing.objects.get().uuid)
    assert told(act)["result"] == "ok"
    everything = [process, enqueue, *recording.spans]
    assert not any("hunter2" in span.to_json() for span in everything)


def test_spans__batch_is_one_tree(world: World, recording: Recording) -> None:
    _orders(world, "email")

    world.process(*(world.event(subject=f"s{n}") for n in range(3)))

    (process,) = recording.named("process")
    assert recording.tree() == ["process", JUDGED]
    assert told(process) == {"events": 3, "outcome.fired": 3}


def test_spans__duplicates_are_judged_without(
    world: World, recording: Recording
) -> None:
    _orders(world, "email")
    event = world.event("e1")
    world.process(event)
    recording.clear()

    world.process(event)

    (publish,) = recording.named("publish")
    assert told(publish) == {"events": 1, "detour": "Duplicates"}
    assert publish.status.status_code is StatusCode.UNSET


def test_spans__event_that_was_sent_with_a_trace(
    world: World, recording: Recording
) -> None:
    sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    event = msgspec.structs.replace(world.event(), extensions={"traceparent": sent})

    world.process(event)

    (process,) = recording.named("process")
    assert linked(process) == [0x00F067AA0BA902B7]


def test_spans__slow_answers(world: World, recording: Recording) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[{"type": "t_slow"}])
    world.one()
    recording.clear()

    world.at(5).execute(*world.claim())

    asked, judged = recording.named("execute")
    assert recording.tree() == [
        *("execute", ["evaluate"]),
        *("execute", ["publish", ["plan", "enqueue"]]),
    ]
    assert linked(asked) == linked(judged) != []


def test_spans__time_that_passes(world: World, recording: Recording) -> None:
    world.absence("silence", 60)
    world.workflow("tell", "silence")
    world.one()
    recording.clear()

    world.run_until(59)
    before = recording.tree()
    world.at(60).execute(*world.claim())

    assert before == []
    assert recording.tree() == ["execute", ["detect", "publish", ["plan", "enqueue"]]]


def test_spans__durable_event(world: World, recording: Recording) -> None:
    _orders(world, "email")
    world.committing(lambda: enqueue_events([world.event()], START, world.send))

    world.execute(*world.claim())

    assert recording.tree() == ["execute", ["process", JUDGED]]


def test_spans__attempt_that_fails(
    world: World, recording: Recording, outbox: Outbox
) -> None:
    _orders(world, "email")
    outbox.fail("email", Permanent("password=hunter2"))
    world.one()
    world.run()

    (act,) = recording.named("act")
    assert told(act)["result"] == "permanent"
    assert not any("hunter2" in span.to_json() for span in recording.spans)


def test_items__no_trace_no_mark(world: World, settings: Any) -> None:
    _orders(world, LATER)
    world.one("e1")
    untraced = WorkItem.objects.get().payload
    recording = Recording()

    settings.WORKFLOW_ENGINE = {"TELEMETRY": "off"}
    with providing(recording.processor):
        world.one("e2")
        world.run_until(600)

    assert "traceparent" not in untraced
    assert recording.spans == []
    assert [set(item.payload) for item in WorkItem.objects.all()] == [set(), set()]
