"""Absence: nothing came for a while, measured by arrival and not by what senders' clocks say."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from workflow_engine.detectors.base import (
    PRIORITY_SCHEMA,
    Answer,
    priority_of,
    register_detector,
)
from workflow_engine.detectors.wakes import is_paused, wake_anew, wake_of, wake_once
from workflow_engine.types.detection import Sample, State, opened, resolved
from workflow_engine.types.event import JSON
from workflow_engine.types.priority import Priority
from workflow_engine.types.reasons import Reason

MAX_FOR_SECONDS: Final = 2_592_000  # 30 days, as long as a quiet state is kept
MAX_SUBJECTS: Final = 1000  # each has an item of its own from the start
MAX_ENVIRONMENT_CHARACTERS: Final = 64  # as long as an event may have it


@register_detector(
    "absence",
    schema={
        "type": "object",
        "required": ["for"],
        "properties": {
            "for": {
                "type": "integer",
                "title": "For (seconds)",
                "description": "How long nothing may come",
                "minimum": 1,
                "maximum": MAX_FOR_SECONDS,
            },
            "priority": PRIORITY_SCHEMA,
            "subjects": {
                "type": "array",
                "title": "Subjects",
                "description": "Expected from the start, in the environment below",
                "items": {"type": "string", "maxLength": 200},
                "maxItems": MAX_SUBJECTS,
                "uniqueItems": True,
            },
            "environment": {
                "type": "string",
                "title": "Environment",
                "description": "Where the subjects above are expected; empty: in none",
                "maxLength": MAX_ENVIRONMENT_CHARACTERS,
                "default": "",
            },
        },
        "additionalProperties": False,
    },
    stateful=True,
    ordered=False,
)
class Absence:
    """Opens when a wake finds nothing heard; ends with the next event."""

    def begin(self, config: JSON, now: datetime) -> dict[tuple[str, str], State]:
        """Wait for the listed subjects from now on, in their environment."""
        due_at, environment = now + _patience(config), config.get("environment", "")
        return {
            (environment, subject): wake_anew(State(), due_at)
            for subject in config.get("subjects", ())
        }

    def detect(self, sample: Sample, state: State, config: JSON) -> Answer:
        """Take the event as a sign of life, and wait for the next one."""
        arrived_at, last_seen_at = sample.event.accepted_at, state.last_seen_at
        due_at = max(arrived_at, last_seen_at or arrived_at) + _patience(config)
        if state.priority is Priority.OK:
            return wake_once(state, due_at, sample.now), Reason.HEARD
        if last_seen_at is not None and arrived_at <= last_seen_at:
            # It came before the silence, however late it was taken up.
            return state, Reason.UNCHANGED
        return wake_anew(state, due_at), resolved(_silence(state, arrived_at))

    def tick(self, state: State, config: JSON, now: datetime) -> Answer:
        """Open if the wait was in vain, else ask to be woken when the new one ends."""
        if state.priority is not Priority.OK:
            return state, Reason.UNCHANGED
        if state.last_seen_at is not None:
            due_at = state.last_seen_at + _patience(config)
            if now < due_at:
                return wake_anew(state, due_at), Reason.HEARD
        elif (first := wake_of(state)) is not None and now < first:
            # The wake was one of an older listing.
            return wake_anew(state, first), Reason.UNCHANGED
        if is_paused(state):
            # What came while it was off was not heard; one more wait tells.
            return wake_anew(state, now + _patience(config)), Reason.UNCHANGED
        return state, opened(priority_of(config), _silence(state, now))


def _patience(config: JSON) -> timedelta:
    return timedelta(seconds=config["for"])


def _silence(state: State, until: datetime) -> int | None:
    """Return the whole seconds since the last arrival; None for a subject never heard."""
    if state.last_seen_at is None:
        return None
    return int((until - state.last_seen_at).total_seconds())
