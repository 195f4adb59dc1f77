"""Rules: one detector, one workflow and one action for the events of a test."""

from collections.abc import Callable
from typing import Any

from tests.factories import (
    ActionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from tests.waiting import wait_until
from workflow_engine import clock
from workflow_engine.models import Firing, WorkItem
from workflow_engine.types.envelope import Limits, accept_all
from workflow_engine.types.event import Event

LIMIT_SECONDS = 30

EVENT: dict[str, Any] = {
    "type": "order.failed",
    "source": "/shop",
    "subject": "cart-7",
    "data": {"amount": 250},
}


def rule(kind: str, config: dict[str, Any]) -> None:
    """Have every event of type order.failed carry out an action of this kind."""
    detector = DetectorFactory(slug="failed-orders")
    workflow = WorkflowFactory(slug="tell-the-team")
    DetectorWorkflowFactory(detector=detector, workflow=workflow)
    GroupActionFactory(
        group=ConditionGroupFactory(if_group=True, workflow=workflow),
        action=ActionFactory(slug="tell", kind=kind, config=config),
    )


def event(**fields: Any) -> Event:
    """Return the accepted event, for a message that a test writes itself."""
    raw = {"specversion": "1.0", "id": "evt-1", **EVENT, **fields}
    limits = Limits(max_bytes=65_536, ahead_seconds=300)
    return accept_all([raw], now=clock.now(), limits=limits)[0]


def wait(holds: Callable[[], bool], what: str) -> None:
    wait_until(holds, what, limit_seconds=LIMIT_SECONDS)


def wait_for_the_end(firings: int = 1) -> None:
    """Return when so many firings have ended and no item is left to do."""
    wait(
        lambda: (
            Firing.objects.ended().count() == firings
            and not WorkItem.objects.live().exists()
        ),
        f"{firings} firings have ended",
    )
