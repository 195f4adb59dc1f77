"""Values that the tests of actions hand in."""

from datetime import UTC, datetime
from typing import Any

from workflow_engine import clock
from workflow_engine.actions import Firing
from workflow_engine.types import Change, Detection, Event, Priority

UUID = "0198f3a2-7c1e-7b5e-8a54-0d2f6f1f0c11"
NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)


def event(**fields: Any) -> Event:
    """Return an event of a failed order; `fields` replace its attributes."""
    given = {
        "id": "evt-1",
        "source": "/shop",
        "type": "order.failed",
        "time": NINE,
        "accepted_at": NINE,
        "subject": "cart-7",
        "environment": "production",
        "data": {"amount": 250, "name": "Ada"},
    }
    return Event(**{**given, **fields})


def detection(**fields: Any) -> Detection:
    """Return a detection that something began."""
    given = {
        "detector_id": 1,
        "detector": "failed-orders",
        "change": Change.OPENED,
        "priority": Priority.HIGH,
        "value": 9,
    }
    return Detection(**{**given, **fields})


def firing(**fields: Any) -> Firing:
    """Return a first attempt that may take ten seconds."""
    given = {
        "uuid": UUID,
        "event": event(),
        "detection": detection(),
        "workflow_slug": "tell-the-team",
        "workflow_name": "Tell the team",
        "action_slug": "email-ops",
        "now": clock.now(),
        "timeout_seconds": 10,
    }
    return Firing(**{**given, **fields})
