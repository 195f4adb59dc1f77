"""Outcome: what became of one event, as Python and as JSON."""

from __future__ import annotations

from datetime import datetime

import msgspec

from workflow_engine.types.event import JSON
from workflow_engine.types.reasons import Reason, Result


class DetectionOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one detector said. `reason` is set when it said nothing; priorities by name."""

    detector: str
    reason: Reason | None = None
    change: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    to: str | None = None


class ActionOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one carried action; `due` is set when it fires."""

    action: str
    outcome: Result
    reason: Reason
    due: datetime | None = None


class WorkflowOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one workflow."""

    workflow: str
    outcome: Result
    reason: Reason
    actions: tuple[ActionOutcome, ...] = ()


class FiringOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One action decided on."""

    workflow: str
    action: str
    due: datetime


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one event, or of one durable item that judges.

    Attributes:
        source: Source of the event.
        id: Id of the event.
        item: Kind of the item, "" for an event.
        time: Time of the event.
        outcome: The first of fired, held, failed, no_match that a workflow has.
        reason: Why.
        detections: One per detector asked.
        workflows: One per workflow reached.
        firings: The actions decided on.
    """

    source: str
    id: str
    item: str = ""
    time: datetime
    outcome: Result
    reason: Reason
    detections: tuple[DetectionOutcome, ...] = ()
    workflows: tuple[WorkflowOutcome, ...] = ()
    firings: tuple[FiringOutcome, ...] = ()


def to_json(outcome: Outcome) -> dict[str, JSON]:
    """Return the outcome as plain JSON data."""
    plain: dict[str, JSON] = msgspec.to_builtins(outcome)
    return plain
