"""Effects: everything a batch of events changes, as values, before anything is written."""

from __future__ import annotations

import uuid
from datetime import datetime

import msgspec

from workflow_engine.processing.plan import FiringDraft
from workflow_engine.types.detection import Detection, SubjectKey
from workflow_engine.types.event import Event
from workflow_engine.types.trace import Trace


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """A workflow that is judged later: an item of kind `evaluate`.

    Attributes:
        workflow_id: Which workflow.
        ifs: Ids of the if-groups that wait for slow answers; None = all it has then.
        event: The event to judge it by.
        detection: The leading detection.
        due_at: When.
    """

    workflow_id: int
    ifs: tuple[int, ...] | None
    event: Event
    detection: Detection
    due_at: datetime


class Wake(msgspec.Struct, frozen=True, kw_only=True):
    """A detector that asked to be asked again: an item of kind `detect`."""

    key: SubjectKey
    due_at: datetime


class Effects(msgspec.Struct, frozen=True, kw_only=True):
    """What is written together, after receipts, states, counts and intervals.

    Attributes:
        traces: Decisions to keep.
        firings: Actions decided on.
        cancelled: Delayed firings that the end of their episode overtakes.
        evaluations: Slow answers to wait for.
        wakes: Detectors to ask again.
    """

    traces: tuple[Trace, ...] = ()
    firings: tuple[FiringDraft, ...] = ()
    cancelled: tuple[uuid.UUID, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    wakes: tuple[Wake, ...] = ()
