"""Ledger: what the engine remembers between events, and where its effects go.

With the clock the one seam between live, explain and replay: the pipeline is the same, the
ledger is the database, the database read only, or memory.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from workflow_engine.models import (
    Acquisition,
    Bucket,
    CountQuestion,
    Holding,
    IntervalKey,
)
from workflow_engine.processing.effects import Effects
from workflow_engine.processing.resolve import EpisodeKey, Told
from workflow_engine.types.detection import State, SubjectKey
from workflow_engine.types.event import Event
from workflow_engine.types.trace import Trace


class Ledger(Protocol):
    """Read before, judge, then write all of it in one `transaction`."""

    def states(
        self, keys: Collection[SubjectKey], *, lock: bool = False
    ) -> dict[SubjectKey, State]:
        """Return the states there are; `lock` keeps others out until the transaction ends."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All writes inside are published together, or none when it is left by an error."""
        ...

    def claim(self, events: Sequence[Event], now: datetime) -> set[str]:
        """Leave a receipt for each event and return the keys of those that are new."""
        ...

    def publish(self, states: Mapping[SubjectKey, State]) -> set[SubjectKey]:
        """Write states and return the keys refused because somebody else was first."""
        ...

    def count(self, buckets: Sequence[Bucket]) -> None:
        """Add one to each bucket."""
        ...

    def totals(self, questions: Collection[CountQuestion]) -> dict[CountQuestion, int]:
        """Return how many events were counted, for every question."""
        ...

    def acquire(
        self, wishes: Sequence[Acquisition], now: datetime
    ) -> dict[IntervalKey, Holding]:
        """Acquire the intervals and return who holds each; one wish per key."""
        ...

    def told(self, episodes: Collection[EpisodeKey]) -> dict[EpisodeKey, list[Told]]:
        """Return the trigger firings of each episode."""
        ...

    def overtake(
        self, firings: Collection[UUID], wishes: Sequence[Acquisition], now: datetime
    ) -> Collection[UUID]:
        """Cancel those of the firings that have not started, and return them.

        The intervals they hold stay until they are written as cancelled. With those of the
        wishes they are locked in one order; a wish for a free interval has it from now on.
        """
        ...

    def write(self, effects: Effects, now: datetime) -> None:
        """Write decisions, firings and items; what is due now is sent after the commit."""
        ...

    def note(self, traces: Sequence[Trace]) -> None:
        """Count what became of events, and of what was judged again; no query."""
        ...

    def keep(self, traces: Sequence[Trace]) -> None:
        """Keep the sampled ones of these decisions, off the path of their events."""
        ...
