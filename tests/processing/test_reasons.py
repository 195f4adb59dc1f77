"""Every reason there is comes of something; a new one without a case fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.handlers import ANYTHING, Outbox
from tests.processing.world import START, Carry, If, World
from workflow_engine import registry
from workflow_engine.detectors import register_detector
from workflow_engine.exceptions import Permanent, RetryAfter
from workflow_engine.models import (
    Action,
    ActionHealth,
    Decision,
    Firing,
    Workflow,
    WorkflowDecision,
    WorkItem,
)
from workflow_engine.processing.acknowledge import acknowledge_subject
from workflow_engine.processing.buffer import buffer
from workflow_engine.processing.judged import Judged, guarded_match, new_trace_id
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.processing.pipeline import trace_asked
from workflow_engine.processing.publish import publish
from workflow_engine.processing.rules import detectors_of
from workflow_engine.processing.schedule import cancel_work, enqueue_events
from workflow_engine.processing.trace import outcome_of
from workflow_engine.queue import lapse
from workflow_engine.types.detection import Change, Detection
from workflow_engine.types.outcome import Outcome
from workflow_engine.types.priority import Priority
from workflow_engine.types.reasons import Reason, Result, first_reason, result_of
from workflow_engine.types.snapshots import GroupSnapshot, WorkflowSnapshot

HOUR = timedelta(hours=1)
SLOW: dict[str, Any] = {"type": "t_slow"}
LATE = Carry(action="page", delay=600)
TOLD = Carry(action="email", on_resolve=True)

Case = Callable[[World, Outbox], object]
CASES: dict[Reason, Case] = {}


def case(reason: Reason) -> Callable[[Case], Case]:
    """Register what brings a reason about; the world is told in rows and outcomes."""

    def register(made: Case) -> Case:
        CASES[reason] = made
        return made

    return register


def orders(world: World, **workflow: Any) -> None:
    """Make a detector of orders and a workflow."""
    world.detector("orders")
    world.workflow("tell", "orders", **workflow)


@case(Reason.SENT)
def _(world: World, outbox: Outbox) -> Outcome:
    orders(world)
    return world.one()


@case(Reason.WAITING)
def _(world: World, outbox: Outbox) -> Outcome:
    orders(world, carries=[LATE])
    return world.one()


@case(Reason.PENDING)
def _(world: World, outbox: Outbox) -> Outcome:
    orders(world, when=[SLOW])
    return world.one()


@case(Reason.SAME_ACTION)
def _(world: World, outbox: Outbox) -> Outcome:
    orders(world)
    world.workflow("twin", "orders")
    return world.one()


@case(Reason.INTERVAL)
def _(world: World, outbox: Outbox) -> Outcome:
    orders(world, interval=300)
    world.one()
    return world.one()


@case(Reason.SNOOZED)
def _(world: World, outbox: Outbox) -> Outcome:
    orders(world, snoozed_until=START + HOUR)
    return world.one()


@case(Reason.DUPLICATE_EVENT)
def _(world: World, outbox: Outbox) -> Outcome:
    orders(world)
    world.one("e1")
    return world.one("e1")


@case(Reason.CONDITION_ERROR)
def _(world: World, outbox: Outbox) -> Outcome:
    orders(world, when=["data.amount gt 5"])
    return world.one(amount="many")


@case(Reason.DETECTOR_ERROR)
def _(world: World, outbox: Outbox) -> Outcome:
    world.detector("broken", kind="t_broken")
    return world.one()


@case(Reason.WORKFLOW_ERROR)
def _(world: World, outbox: Outbox) -> Outcome:
    # No look-up builds such a value; were it a bug of ours, it costs this workflow only.
    broken = WorkflowSnapshot(
        id=1,
        slug="broken",
        name="Broken",
        enabled=True,
        environment=None,
        interval_seconds=0,
        when=GroupSnapshot(id=1, logic="all", conditions=None),  # type: ignore[arg-type] # the point of it
    )
    said = Detection(
        detector_id=1, detector="d", change=Change.OPENED, priority=Priority.LOW
    )
    event = world.event()
    judged = Judged(
        trace_id=new_trace_id(),
        event=event,
        matched=(guarded_match(event, 1, broken, [said], START),),
    )
    (trace,) = publish([judged], {}, DatabaseLedger(), START)
    return outcome_of(trace)


@case(Reason.HANDLER_MISSING)
def _(world: World, outbox: Outbox) -> Outcome:
    world.detector("orphan", kind="t_broken")
    registry.detectors.unregister("t_broken")
    return world.one()


@case(Reason.EVENT_FAILED)
def _(world: World, outbox: Outbox) -> None:
    world.committing(lambda: enqueue_events([world.event()], START, None))
    ended = START - HOUR
    WorkItem.objects.update(
        state="running", token=1, attempts=8, worker="lost", lease_ends_at=ended
    )
    world.committing(lambda: lapse(now=START, limit=10))


@case(Reason.NO_DETECTOR)
def _(world: World, outbox: Outbox) -> Outcome:
    return world.one()


@case(Reason.DETECTOR_DISABLED)
def _(world: World, outbox: Outbox) -> Outcome:
    world.detector("orders")
    event = world.event()
    ((known,),) = detectors_of([event])
    off = msgspec.structs.replace(known, enabled=False)  # between two look-ups
    (trace,) = trace_asked([(event, [off])], DatabaseLedger(), START)
    return outcome_of(trace)


@case(Reason.TRIGGER)
def _(world: World, outbox: Outbox) -> Outcome:
    world.detector("orders", trigger=["data.amount gt 5"])
    return world.one(amount=1)


@case(Reason.NO_VALUE)
def _(world: World, outbox: Outbox) -> Outcome:
    world.threshold("hot")
    return world.one(value=None)


@case(Reason.LATE_EVENT)
def _(world: World, outbox: Outbox) -> Outcome:
    world.threshold("hot")
    world.one(value=1, time=10)
    return world.one(value=1, time=9)


@case(Reason.GAP)
def _(world: World, outbox: Outbox) -> Outcome:
    world.threshold("hot", resolve=5)
    return world.one(value=7)


@case(Reason.COUNTING)
def _(world: World, outbox: Outbox) -> Outcome:
    world.threshold("hot", breaches=2)
    return world.one(value=11)


@case(Reason.UNCHANGED)
def _(world: World, outbox: Outbox) -> Outcome:
    world.threshold("hot")
    return world.one(value=1)


@case(Reason.BELOW_RATE)
def _(world: World, outbox: Outbox) -> Outcome:
    world.detector("storm", kind="rate", period=60, count=3)
    return world.one()


@case(Reason.HEARD)
def _(world: World, outbox: Outbox) -> Outcome:
    world.absence("silent", 300)
    return world.one()


@case(Reason.NO_LINK)
def _(world: World, outbox: Outbox) -> Outcome:
    world.detector("orders")
    return world.one()


@case(Reason.WORKFLOW_GONE)
def _(world: World, outbox: Outbox) -> None:
    orders(world, when=[SLOW])
    world.one()
    Workflow.objects.all().delete()
    world.run_until(2)


@case(Reason.WORKFLOW_DISABLED)
def _(world: World, outbox: Outbox) -> Outcome:
    orders(world, enabled=False)
    return world.one()


@case(Reason.ENVIRONMENT)
def _(world: World, outbox: Outbox) -> Outcome:
    orders(world, environment="live")
    return world.one()


@case(Reason.WHEN)
def _(world: World, outbox: Outbox) -> Outcome:
    orders(world, when=["data.amount gt 5"])
    return world.one(amount=1)


@case(Reason.NO_IF_GROUP)
def _(world: World, outbox: Outbox) -> Outcome:
    orders(world, ifs=[])
    return world.one()


@case(Reason.IF)
def _(world: World, outbox: Outbox) -> Outcome:
    orders(world, ifs=[If(conditions=["data.amount gt 5"])])
    return world.one(amount=1)


@case(Reason.ACTION_DISABLED)
def _(world: World, outbox: Outbox) -> Outcome:
    world.action("email", enabled=False)
    orders(world)
    return world.one()


@case(Reason.NOT_TOLD)
def _(world: World, outbox: Outbox) -> Outcome:
    world.threshold("hot")
    world.workflow("tell", "hot", carries=[TOLD], when=["data.vip eq true"])
    world.one(value=11)
    return world.one(value=1)


@case(Reason.CIRCUIT_OPEN)
def _(world: World, outbox: Outbox) -> None:
    orders(world)
    world.one()
    action = Action.objects.get()
    ActionHealth.objects.create(action=action, failures=10, open_until=START + HOUR)
    world.run()


@case(Reason.AWAITING_TRIGGER)
def _(world: World, outbox: Outbox) -> None:
    world.threshold("hot")
    world.workflow("tell", "hot", carries=[TOLD])
    outbox.fail("email", RetryAfter(60))
    world.one(value=11)
    world.run()
    world.one(value=1)
    world.run()


@case(Reason.PERMANENT)
def _(world: World, outbox: Outbox) -> None:
    orders(world)
    outbox.fail("email", Permanent("no"))
    world.one()
    world.run()


@case(Reason.ATTEMPTS_USED)
def _(world: World, outbox: Outbox) -> None:
    orders(world)
    outbox.fail("email", OSError("500"))
    world.one()
    world.run_until(7 * 86_400)


@case(Reason.ENDPOINT_OFF)
def _(world: World, outbox: Outbox) -> None:
    orders(world)
    world.one()
    action = Action.objects.get()
    ActionHealth.objects.create(action=action, off_at=START)
    world.run()


@case(Reason.RESOLVED)
def _(world: World, outbox: Outbox) -> None:
    world.threshold("hot")
    world.workflow("tell", "hot", carries=[LATE])
    world.process(world.event(value=11), world.event(value=1))


@case(Reason.ACKNOWLEDGED)
def _(world: World, outbox: Outbox) -> None:
    detector = world.threshold("hot")
    world.workflow("tell", "hot", carries=[LATE])
    world.one(value=11)
    acknowledge_subject((detector.pk, "", "cart-7"), START)


@case(Reason.DISABLED)
def _(world: World, outbox: Outbox) -> None:
    orders(world)
    world.one()
    Workflow.objects.update(enabled=False)
    world.run()


@case(Reason.GONE)
def _(world: World, outbox: Outbox) -> None:
    orders(world)
    world.one()
    Workflow.objects.all().delete()
    world.run()


@case(Reason.BY_HAND)
def _(world: World, outbox: Outbox) -> None:
    orders(world, carries=[LATE])
    world.one()
    cancel_work(WorkItem.objects.get().pk, START)


def _raise(*_: Any) -> Any:
    raise RuntimeError("no idea")


@pytest.fixture(autouse=True)
def _broken_kind() -> Iterator[None]:
    register_detector("t_broken", _raise, schema=ANYTHING)
    yield
    if registry.detectors.get("t_broken") is not None:
        registry.detectors.unregister("t_broken")


@pytest.mark.parametrize("reason", Reason)
def test_reason__is_told(
    world: World, outbox: Outbox, settings: Any, reason: Reason
) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_SHARE": {"failed": 1, "no_match": 1}}

    outcome = CASES[reason](world, outbox)
    buffer.flush()

    told = {
        *Decision.objects.values_list("reason", flat=True),
        *WorkflowDecision.objects.values_list("reason", flat=True),
        *Firing.objects.values_list("reason", flat=True),
    }
    if isinstance(outcome, Outcome):
        told |= {outcome.reason, *(line.reason for line in outcome.workflows)}
        told |= {one.reason for one in outcome.detections if one.reason}
        told |= {a.reason for line in outcome.workflows for a in line.actions}
    assert reason in told


@pytest.mark.parametrize("reason", Reason)
def test_reason__of_a_decision_has_a_result(world: World, reason: Reason) -> None:
    assert result_of(reason) in Result


def test_first_reason__sent_before_everything() -> None:
    for reason in Reason:
        assert first_reason([reason, Reason.SENT]) is Reason.SENT


def test_first_reason__order_is_that_of_the_list() -> None:
    reasons = list(Reason)

    assert first_reason(reasons[::-1]) is reasons[0]
    assert first_reason([Reason.WHEN, Reason.INTERVAL]) is Reason.INTERVAL
    assert first_reason([Reason.IF, Reason.CONDITION_ERROR]) is Reason.CONDITION_ERROR
