"""Detection: what a detector says of an event, and the state it keeps to say it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Self, TypeAlias

import msgspec

from workflow_engine.types.event import JSON, Event
from workflow_engine.types.facts import Facts
from workflow_engine.types.priority import Priority

SubjectKey: TypeAlias = tuple[int, str, str]  # detector id, environment, subject


class Change(StrEnum):
    """What happened to the episode of a subject."""

    OPENED = "opened"
    REPEATED = "repeated"
    RAISED = "raised"
    LOWERED = "lowered"
    RESOLVED = "resolved"


class Finding(msgspec.Struct, frozen=True):
    """What a detector kind answers when the event means something.

    Attributes:
        change: What happened.
        priority: The priority from now on; OK when resolved.
        value: What was measured, for the trace and the message; None if nothing was.
    """

    change: Change
    priority: Priority
    value: JSON = None


def opened(priority: str | Priority, value: JSON = None) -> Finding:
    """Say that something began; `priority` by name ("low", "medium", "high")."""
    return Finding(Change.OPENED, _priority(priority), value)


def repeated(priority: str | Priority, value: JSON = None) -> Finding:
    """Say that something goes on, or happened once more."""
    return Finding(Change.REPEATED, _priority(priority), value)


def resolved(value: JSON = None) -> Finding:
    """Say that it is over."""
    return Finding(Change.RESOLVED, Priority.OK, value)


def _priority(priority: str | Priority) -> Priority:
    return priority if isinstance(priority, Priority) else Priority.named(priority)


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector remembers of one subject in one environment.

    Attributes:
        priority: OK, or the priority of the open episode.
        previous_priority: What it was before the last change.
        streaks: Samples in a row, by level name.
        clears: Good samples in a row while an episode is open.
        watermark: Time of the newest event taken, or None.
        last_seen_at: Acceptance of the newest event, or None.
        episode: Names the open or last episode: microseconds of its opening; 0 = none yet.
        changed_at: When the priority last changed, or None.
        memory: At most 4 kB of JSON for the kind's own use.
        revision: Revision of the detector that wrote this; a new one sets streaks to 0.
        version: 0 = not stored yet; the store raises it at every write.
        wake_at: Not stored: the kind asks to be asked again (`tick`) at this moment.
    """

    priority: Priority = Priority.OK
    previous_priority: Priority = Priority.OK
    streaks: dict[str, int] = {}
    clears: int = 0
    watermark: datetime | None = None
    last_seen_at: datetime | None = None
    episode: int = 0
    changed_at: datetime | None = None
    memory: dict[str, JSON] = {}
    revision: str = ""
    version: int = 0
    wake_at: datetime | None = None

    def remember(self, **memory: JSON) -> Self:
        """Return a state with these entries of the memory replaced."""
        return self.replace(memory={**self.memory, **memory})

    def replace(self, **fields: Any) -> Self:
        """Return a state with these fields replaced."""
        return msgspec.structs.replace(self, **fields)


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """An event that passed a detector's trigger group, as its kind sees it.

    Attributes:
        event: The event.
        facts: The event by path.
        now: The moment of deciding.
        results: Priorities written on the true conditions of the trigger group
            (any_short: of the first one only); empty when none has one.
    """

    event: Event
    facts: Facts
    now: datetime
    results: tuple[Priority, ...] = ()


class Detection(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with its place: which detector, and what came before.

    Attributes:
        detector_id: Primary key of the detector.
        detector: Its slug.
        change: What happened.
        priority: From now on.
        previous_priority: Until now.
        value: What was measured, or None.
        path: Where in the event the detector looks for it; "" = it counts or reckons.
        episode: Names the episode; 0 for a stateless detector.
    """

    detector_id: int
    detector: str
    change: Change
    priority: Priority
    previous_priority: Priority = Priority.OK
    value: JSON = None
    path: str = ""
    episode: int = 0


def to_facts(detection: Detection) -> dict[str, JSON]:
    """Return what conditions and texts may say of a detection; priorities by name."""
    return {
        "detector": detection.detector,
        "change": detection.change.value,
        "priority": detection.priority.label,
        "previous_priority": detection.previous_priority.label,
        "value": detection.value,
        "episode": detection.episode,
    }
