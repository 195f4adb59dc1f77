"""The database as ledger: the only one that is the truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from workflow_engine.conf import options
from workflow_engine.models import (
    Acquisition,
    ActionInterval,
    Bucket,
    CountQuestion,
    DetectorState,
    EventCount,
    EventReceipt,
    Firing,
    FiringState,
    Holding,
    IntervalKey,
)
from workflow_engine.models.state import SAME_COLUMNS
from workflow_engine.processing.buffer import buffer
from workflow_engine.processing.counting import count_decided, count_decisions
from workflow_engine.processing.decisions import is_sampled, write_decisions
from workflow_engine.processing.effects import Effects
from workflow_engine.processing.firings import (
    lost_with,
    open_intervals,
    stop_firings,
)
from workflow_engine.processing.items import act_draft, detect_draft, evaluate_draft
from workflow_engine.processing.plan import FiringDraft
from workflow_engine.processing.resolve import EpisodeKey, Told
from workflow_engine.queue import Send, enqueue_many, send_after_commit
from workflow_engine.types.detection import State, SubjectKey
from workflow_engine.types.event import Event
from workflow_engine.types.priority import Priority
from workflow_engine.types.reasons import Reason
from workflow_engine.types.trace import Trace

_LOST = {FiringState.CANCELLED, FiringState.FAILED}


class DatabaseLedger:
    """States, receipts, counts, intervals, firings and items in their tables."""

    def __init__(self, send: Send | None = None) -> None:
        """`send` takes due items after the commit; None leaves all of them to the runner."""
        self._send = send
        self._using: str = options.DATABASE

    def states(
        self, keys: Collection[SubjectKey], *, lock: bool = False
    ) -> dict[SubjectKey, State]:
        """Return the stored states; one query."""
        rows = DetectorState.objects.using(self._using).of(keys)
        if lock:
            rows = rows.select_for_update().order_by("pk")
        return {row.key: _state(row) for row in rows}

    def transaction(self) -> AbstractContextManager[None]:
        """A transaction, or a savepoint inside one; left by an error it is rolled back."""
        atomic: AbstractContextManager[None] = transaction.atomic(using=self._using)
        return atomic

    def claim(self, events: Sequence[Event], now: datetime) -> set[str]:
        """Leave receipts; one statement."""
        renew_before = now - timedelta(seconds=options.DEDUPE_SECONDS)
        receipts = EventReceipt.objects.using(self._using)
        return receipts.claim(
            {event.key for event in events}, now=now, renew_before=renew_before
        )

    def publish(self, states: Mapping[SubjectKey, State]) -> set[SubjectKey]:
        """Write states under their versions; one statement."""
        rows = [_row(key, state) for key, state in states.items()]
        return DetectorState.objects.using(self._using).publish(rows)

    def count(self, buckets: Sequence[Bucket]) -> None:
        """Add one to each bucket; one statement."""
        EventCount.objects.using(self._using).add([(b, 1) for b in buckets])

    def totals(self, questions: Collection[CountQuestion]) -> dict[CountQuestion, int]:
        """Answer all questions; one query, none for none."""
        if not questions:
            return {}
        return EventCount.objects.using(self._using).totals(questions)

    def acquire(
        self, wishes: Sequence[Acquisition], now: datetime
    ) -> dict[IntervalKey, Holding]:
        """Acquire intervals; one statement, atomic among any number of workers."""
        return ActionInterval.objects.using(self._using).acquire(wishes, now=now)

    def told(self, episodes: Collection[EpisodeKey]) -> dict[EpisodeKey, list[Told]]:
        """Return the trigger firings of the episodes; one query."""
        wanted = Q(pk__in=[])
        for detector_id, environment, subject, episode in sorted(episodes):
            wanted |= Q(
                detector=detector_id,
                environment=environment,
                subject=subject,
                episode=episode,
            )
        rows = Firing.objects.using(self._using).filter(wanted, purpose="trigger")
        found: dict[EpisodeKey, list[Told]] = defaultdict(list)
        for row in rows.order_by("pk"):
            key = (row.detector_id, row.environment, row.subject, row.episode)
            found[key].append(_told(row))  # type: ignore[index] # the filter leaves no null
        return found

    def overtake(
        self, firings: Collection[UUID], wishes: Sequence[Acquisition], now: datetime
    ) -> Collection[UUID]:
        """Lock firings, then items, then intervals; as whoever ends a firing does."""
        stopped = stop_firings(firings, Reason.RESOLVED, now=now, using=self._using)
        if wishes:
            lost = lost_with(stopped, using=self._using)
            ActionInterval.objects.using(self._using).hold(wishes, lost, now=now)
        return stopped

    def write(self, effects: Effects, now: datetime) -> None:
        """Write decisions, firings and items; in a transaction, due items sent after it."""
        write_decisions(effects.traces, using=self._using)
        kept = {UUID(trace.id) for trace in effects.traces}
        Firing.objects.using(self._using).bulk_create(
            [_firing(draft, kept) for draft in effects.firings]
        )
        decided = ((draft.kind, _reason(draft).value) for draft in effects.firings)
        count_decided(decided, self._using)
        drafts = [
            *(act_draft(firing) for firing in effects.firings),
            *(evaluate_draft(evaluation) for evaluation in effects.evaluations),
            *(detect_draft(wake) for wake in effects.wakes),
        ]
        if drafts:
            direct = self._send is not None
            items = enqueue_many(drafts, now=now, direct=direct)
            due = [(item.id, item.token) for item in items if item.token]
            if due and self._send is not None:
                send_after_commit(due, self._send)
        if effects.cancelled:
            # Those of this very batch; `overtake` has stopped the others.
            cancelled = effects.cancelled
            stop_firings(cancelled, Reason.RESOLVED, now=now, using=self._using)
            open_intervals(cancelled, now=now, using=self._using)

    def note(self, traces: Sequence[Trace]) -> None:
        """Count them after the commit, if there is one to come; no query."""
        count_decisions(traces, self._using)

    def keep(self, traces: Sequence[Trace]) -> None:
        """Hand the sampled ones to the buffer; no query."""
        buffer.add([trace for trace in traces if is_sampled(trace)])


def _state(row: DetectorState) -> State:
    return State(
        priority=Priority(row.priority),
        previous_priority=Priority(row.previous_priority),
        **{name: getattr(row, name) for name in SAME_COLUMNS},
    )


def _row(key: SubjectKey, state: State) -> DetectorState:
    detector_id, environment, subject = key
    values: dict[str, Any] = {name: getattr(state, name) for name in SAME_COLUMNS}
    return DetectorState(
        detector_id=detector_id,
        environment=environment,
        subject=subject,
        priority=state.priority.value,
        previous_priority=state.previous_priority.value,
        **{**values, "version": state.version + 1},
    )


def _told(row: Firing) -> Told:
    delayed = row.due_at > row.decided_at
    return Told(
        uuid=row.uuid,
        workflow_id=row.workflow_id or 0,
        action_id=row.action_id or 0,
        on_resolve=row.on_resolve,
        is_lost=row.state in _LOST,
        is_waiting=delayed and row.state == FiringState.DUE and row.attempts == 0,
    )


def _firing(draft: FiringDraft, kept: Collection[UUID]) -> Firing:
    found = draft.detection
    return Firing(
        uuid=draft.uuid,
        trace_id=draft.trace_id,
        decision_id=draft.trace_id if draft.trace_id in kept else None,
        event_source=draft.event.source,
        event_id=draft.event.id,
        environment=draft.event.environment,
        subject=draft.event.subject,
        detector_id=found.detector_id or None,
        detector_slug=found.detector,
        workflow_id=draft.workflow_id,
        workflow_slug=draft.workflow,
        action_id=draft.action_id,
        action_slug=draft.action,
        purpose=draft.purpose,
        on_resolve=draft.on_resolve,
        episode=found.episode or None,
        priority=found.priority.value,
        decided_at=draft.decided_at,
        due_at=draft.due_at,
        state=FiringState.DUE,
        reason=_reason(draft).value,
    )


def _reason(draft: FiringDraft) -> Reason:
    waits = draft.due_at > draft.decided_at
    return Reason.WAITING if waits else Reason.SENT
