"""Items: how firings, evaluations and wakes are written down as durable work."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from workflow_engine.processing.effects import Evaluation, Wake
from workflow_engine.processing.plan import FiringDraft
from workflow_engine.queue import Draft
from workflow_engine.types.detection import Detection, SubjectKey
from workflow_engine.types.event import JSON, Event

ACT: Final = "act"
EVALUATE: Final = "evaluate"
DETECT: Final = "detect"
EVENT: Final = "event"


class EventPayload(msgspec.Struct, frozen=True, kw_only=True):
    """A durable event."""

    event: Event


class ActPayload(msgspec.Struct, frozen=True, kw_only=True):
    """What an action is carried out with, beside its firing."""

    event: Event
    detection: Detection


class EvaluatePayload(msgspec.Struct, frozen=True, kw_only=True):
    """What is judged again once slow conditions have answered."""

    event: Event
    detection: Detection
    workflow: int
    ifs: tuple[int, ...] | None


class DetectPayload(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask again."""

    detector: int
    environment: str
    subject: str


def event_draft(event: Event) -> Draft:
    """Return the item of a durable event, due at once."""
    return Draft(
        kind=EVENT,
        lane=EVENT,
        subject=event.subject,
        payload=_plain(EventPayload(event=event)),
    )


def act_draft(firing: FiringDraft) -> Draft:
    """Return the item that carries out a firing."""
    payload = ActPayload(event=firing.event, detection=firing.detection)
    return Draft(
        kind=ACT,
        lane=f"{ACT}:{firing.kind}",
        subject=firing.event.subject,
        payload=_plain(payload),
        due_at=firing.due_at,
        firing_id=firing.uuid,
    )


def evaluate_draft(evaluation: Evaluation, *, coalesce: bool = True) -> Draft:
    """Return the item that judges a workflow later; a later event of its key joins it."""
    event = evaluation.event
    payload = EvaluatePayload(
        event=event,
        detection=evaluation.detection,
        workflow=evaluation.workflow_id,
        ifs=evaluation.ifs,
    )
    key = _key(
        EVALUATE,
        evaluation.workflow_id,
        event.environment,
        event.subject,
        *sorted(evaluation.ifs or ()),
    )
    return Draft(
        kind=EVALUATE,
        lane=EVALUATE,
        subject=event.subject,
        payload=_plain(payload),
        due_at=evaluation.due_at,
        key=key if coalesce else None,
        on_taken="refresh",
    )


def detect_draft(wake: Wake) -> Draft:
    """Return the item that asks a detector again; one waits at a time for each subject."""
    detector_id, environment, subject = wake.key
    payload = DetectPayload(
        detector=detector_id, environment=environment, subject=subject
    )
    return Draft(
        kind=DETECT,
        lane=DETECT,
        subject=subject,
        payload=_plain(payload),
        due_at=wake.due_at,
        key=detect_key(wake.key),
        on_taken="keep",
    )


def detect_key(key: SubjectKey) -> str:
    """Return the coalescing key of a subject's `detect` item."""
    return _key(DETECT, *key)


def _key(kind: str, *parts: str | int) -> str:
    """One bounded text for any parts: lengths first, so that no two run into each other."""
    text = "".join(f"{len(str(part))}:{part}" for part in parts)
    return f"{kind}:{hashlib.sha256(text.encode()).hexdigest()}"


def _plain(payload: msgspec.Struct) -> dict[str, JSON]:
    plain: dict[str, JSON] = msgspec.to_builtins(payload)
    return plain
