"""A ledger that reads the database and writes nothing: what would happen now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from workflow_engine.models import (
    Acquisition,
    ActionInterval,
    Bucket,
    Holding,
    IntervalKey,
)
from workflow_engine.processing.effects import Effects
from workflow_engine.processing.ledger.database import DatabaseLedger
from workflow_engine.types.detection import State, SubjectKey
from workflow_engine.types.event import Event
from workflow_engine.types.trace import Trace


class DryLedger(DatabaseLedger):
    """Real states, counts and intervals; an event is new however often it was seen."""

    def transaction(self) -> AbstractContextManager[None]:
        """Nothing is written, so nothing needs to be undone."""
        return nullcontext()

    def claim(self, events: Sequence[Event], _: datetime) -> set[str]:
        """Take every event as new, so that a recorded one can be explained."""
        return {event.key for event in events}

    def publish(self, _: Mapping[SubjectKey, State]) -> set[SubjectKey]:
        """Refuse nothing and keep nothing."""
        return set()

    def count(self, buckets: Sequence[Bucket]) -> None:
        """Count nothing."""

    def acquire(
        self, wishes: Sequence[Acquisition], now: datetime
    ) -> dict[IntervalKey, Holding]:
        """Say who would hold each interval; one query."""
        holders = {
            w.key: Holding(held_until=w.held_until, firing=w.firing) for w in wishes
        }
        wanted = Q(pk__in=[])
        for key in holders:
            wanted |= Q(**key._asdict())
        rows = ActionInterval.objects.using(self._using)
        for row in rows.filter(wanted, held_until__gt=now):
            key = IntervalKey(
                row.workflow_id, row.action_id, row.environment, row.subject
            )
            holders[key] = Holding(held_until=row.held_until, firing=row.firing_id)
        return holders

    def overtake(
        self, firings: Collection[UUID], _: Sequence[Acquisition], __: datetime
    ) -> Collection[UUID]:
        """Take all of them as cancelled, and cancel none."""
        return firings

    def write(self, effects: Effects, now: datetime) -> None:
        """Write nothing."""

    def note(self, traces: Sequence[Trace]) -> None:
        """Count nothing."""

    def keep(self, traces: Sequence[Trace]) -> None:
        """Keep nothing."""
