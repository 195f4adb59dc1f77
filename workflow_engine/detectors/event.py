"""Event: every sample means something; with `track`, for as long as it does."""

from __future__ import annotations

from workflow_engine.detectors.base import (
    PRIORITY_SCHEMA,
    Answer,
    priority_of,
    register_detector,
)
from workflow_engine.types.detection import (
    Change,
    Finding,
    Sample,
    State,
    opened,
    repeated,
    resolved,
)
from workflow_engine.types.event import JSON
from workflow_engine.types.priority import Priority
from workflow_engine.types.reasons import Reason


def _tracks(config: JSON) -> bool:
    return bool(config.get("track", False))


@register_detector(
    "event",
    schema={
        "type": "object",
        "properties": {
            "priority": PRIORITY_SCHEMA,
            "track": {
                "type": "boolean",
                "title": "Track",
                "description": "Remember the priority, so that it can change and end",
                "default": False,
            },
        },
        "additionalProperties": False,
    },
    stateful=_tracks,
)
def event(sample: Sample, state: State, config: JSON) -> Answer:
    """Answer at the highest result of the true conditions, else at the priority.

    A highest result of OK ends what is tracked, and says nothing where nothing is.
    """
    priority = max(sample.results, default=priority_of(config))
    if _tracks(config):
        return state, _tracked(state.priority, priority)
    if priority is Priority.OK:
        return state, Reason.UNCHANGED
    return state, repeated(priority)


def _tracked(before: Priority, priority: Priority) -> Finding | Reason:
    if priority is Priority.OK:
        return Reason.UNCHANGED if before is Priority.OK else resolved()
    if before is Priority.OK:
        return opened(priority)
    if priority == before:
        return repeated(priority)
    return Finding(Change.RAISED if priority > before else Change.LOWERED, priority)
