"""Trace: what was compared and what followed, for one event; kept as a decision."""

from __future__ import annotations

from datetime import datetime

import msgspec

from workflow_engine.types.detection import Detection
from workflow_engine.types.event import JSON, Event
from workflow_engine.types.reasons import Reason, Result
from workflow_engine.types.verdict import GroupVerdict


class DetectorLine(msgspec.Struct, frozen=True, kw_only=True):
    """One detector asked: a detection, or the reason for none.

    Attributes:
        detector_id: Primary key.
        detector: Slug.
        kind: Detector kind.
        revision: Revision of the detector used.
        path: Where in the event its kind looks, by its configuration, or "".
        trigger: Verdict of the trigger group; None when there is none or it was not reached.
        reason: Why nothing was said, or None.
        detection: What was said, or None.
        note: Sentence with the values behind it ("streak 1 of 2"), or "".
        has_error: An error stood behind the reason.
    """

    detector_id: int
    detector: str
    kind: str
    revision: str = ""
    path: str = ""
    trigger: GroupVerdict | None = None
    reason: Reason | None = None
    detection: Detection | None = None
    note: str = ""
    has_error: bool = False


class IfLine(msgspec.Struct, frozen=True, kw_only=True):
    """One if-group: its place and what it answered."""

    position: int
    verdict: GroupVerdict


class ActionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One carried action of a passing if-group, and its fate.

    Attributes:
        action_id: Primary key.
        action: Slug.
        position: Position of the if-group that carries it.
        delay_seconds: From decision to firing.
        reason: Its fate.
        due_at: When the firing is due, or None when there is none.
        firing: uuid of the firing that acts, its own or the one it was merged into; "" = none.
        held_until: End of the interval that holds it, or None.
        note: Sentence with the values behind it, or "".
    """

    action_id: int
    action: str
    position: int
    delay_seconds: int = 0
    reason: Reason
    due_at: datetime | None = None
    firing: str = ""
    held_until: datetime | None = None
    note: str = ""


class WorkflowLine(msgspec.Struct, frozen=True, kw_only=True):
    """One workflow reached.

    Attributes:
        workflow_id: Primary key.
        workflow: Slug; "" when the row is gone.
        name: Name.
        revision: Revision of the workflow used.
        result: What became of it.
        reason: Why.
        environment: The workflow's environment, or None for every event.
        detectors: Slugs of the detectors that led here, the leading one first.
        value_path: Where the leading one found the value of its detection, or "".
        when: Verdict of the when-group, or None.
        ifs: Verdicts of the if-groups judged, by position.
        actions: Fates of the carried actions of passing groups.
        has_error: A group or condition had an error.
        note: Sentence with what stands behind the reason, or "".
    """

    workflow_id: int
    workflow: str
    name: str = ""
    revision: str = ""
    result: Result
    reason: Reason
    environment: str | None = None
    detectors: tuple[str, ...] = ()
    value_path: str = ""
    when: GroupVerdict | None = None
    ifs: tuple[IfLine, ...] = ()
    actions: tuple[ActionLine, ...] = ()
    has_error: bool = False
    note: str = ""


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was decided about one event.

    Attributes:
        id: uuid of the decision, hexadecimal.
        event: The event as accepted.
        item: Kind of the durable item that was judged, "" for an event.
        decided_at: The moment of deciding.
        result: What became of the event.
        reason: Why.
        detectors: One line per detector asked, by id.
        workflows: One line per workflow reached, by id.
        is_followed: A workflow that was reached has all its decisions kept for now.
        duration_us: The event's share of the microseconds spent deciding.
    """

    id: str
    event: Event
    item: str = ""
    decided_at: datetime
    result: Result
    reason: Reason
    detectors: tuple[DetectorLine, ...] = ()
    workflows: tuple[WorkflowLine, ...] = ()
    is_followed: bool = False
    duration_us: int = 0


def to_detail(line: DetectorLine | WorkflowLine) -> dict[str, JSON]:
    """Return a line as plain JSON data."""
    plain: dict[str, JSON] = msgspec.to_builtins(line)
    return plain
