"""A ledger in memory, empty at the start: what would have happened, from recorded events."""

from __future__ import annotations

import heapq
import itertools
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, timedelta

import msgspec

from workflow_engine.conf import options
from workflow_engine.models import (
    Acquisition,
    Bucket,
    CountQuestion,
    Holding,
    IntervalKey,
)
from workflow_engine.processing.effects import Effects, Evaluation, Wake
from workflow_engine.processing.plan import FiringDraft
from workflow_engine.processing.resolve import (
    EpisodeKey,
    Told,
    episode_of,
    told_by,
)
from workflow_engine.types.detection import State, SubjectKey
from workflow_engine.types.event import Event
from workflow_engine.types.trace import Trace


class MemoryItem(msgspec.Struct, kw_only=True):
    """Work due later: a firing, an evaluation or a wake; `is_gone` once cancelled.

    While it waits, no other item has its `key`; None is no key.
    """

    due_at: datetime
    work: FiringDraft | Evaluation | Wake
    key: tuple[object, ...] | None = None
    is_gone: bool = False


class MemoryLedger:
    """Receipts, states, counts, intervals, firings and items as plain values."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._receipts: dict[str, datetime] = {}
        self._states: dict[SubjectKey, State] = {}
        self._counts: Counter[Bucket] = Counter()
        self._intervals: dict[IntervalKey, Holding] = {}
        # By firing, what it has ever acquired; another may hold it by now.
        self._acquired: dict[uuid.UUID, list[IntervalKey]] = defaultdict(list)
        self._told: dict[EpisodeKey, dict[uuid.UUID, Told]] = defaultdict(dict)
        self._episodes: dict[uuid.UUID, EpisodeKey] = {}
        self._keyed: dict[tuple[object, ...], MemoryItem] = {}
        self._heap: list[tuple[datetime, int, MemoryItem]] = []
        self._numbers = itertools.count()
        self._firings: dict[uuid.UUID, MemoryItem] = {}
        # By event, workflow and action: the firings that one acquisition brought.
        self._siblings: dict[tuple[str, int, int], list[uuid.UUID]] = defaultdict(list)

    def states(
        self,
        keys: Collection[SubjectKey],
        *,
        lock: bool = False,  # noqa: ARG002 - nobody to lock out
    ) -> dict[SubjectKey, State]:
        """Return the states there are; nobody else is there to lock out."""
        return {key: self._states[key] for key in keys if key in self._states}

    def transaction(self) -> AbstractContextManager[None]:
        """Nothing can fail half-way."""
        return nullcontext()

    def claim(self, events: Sequence[Event], now: datetime) -> set[str]:
        """Leave receipts, renewing those that are older than DEDUPE_SECONDS."""
        keep = timedelta(seconds=options.DEDUPE_SECONDS)
        fresh = {
            event.key
            for event in events
            if event.key not in self._receipts
            or self._receipts[event.key] <= now - keep
        }
        self._receipts |= dict.fromkeys(fresh, now)
        return fresh

    def publish(self, states: Mapping[SubjectKey, State]) -> set[SubjectKey]:
        """Keep the states; nobody else is there to be first."""
        for key, state in states.items():
            self._states[key] = state.replace(version=state.version + 1, wake_at=None)
        return set()

    def count(self, buckets: Sequence[Bucket]) -> None:
        """Add one to each bucket."""
        self._counts.update(buckets)

    def totals(self, questions: Collection[CountQuestion]) -> dict[CountQuestion, int]:
        """Answer all questions."""
        return {question: self._total(question) for question in questions}

    def _total(self, asked: CountQuestion) -> int:
        return sum(
            self._counts[
                Bucket(
                    counter=asked.counter,
                    environment=asked.environment,
                    subject=asked.subject,
                    step=asked.step,
                    bucket=number,
                )
            ]
            for number in range(asked.first_bucket, asked.last_bucket + 1)
        )

    def acquire(
        self, wishes: Sequence[Acquisition], now: datetime
    ) -> dict[IntervalKey, Holding]:
        """Acquire the intervals; half-open, as in the database."""
        for wish in wishes:
            held = self._intervals.get(wish.key)
            if held is None or held.held_until <= now:
                self._intervals[wish.key] = Holding(
                    held_until=wish.held_until, firing=wish.firing
                )
                self._acquired[wish.firing].append(wish.key)
        return {wish.key: self._intervals[wish.key] for wish in wishes}

    def told(self, episodes: Collection[EpisodeKey]) -> dict[EpisodeKey, list[Told]]:
        """Return the trigger firings of the episodes as they stand."""
        return {key: list(self._told[key].values()) for key in episodes}

    def overtake(
        self,
        firings: Collection[uuid.UUID],
        wishes: Sequence[Acquisition],  # noqa: ARG002 - nobody to lock out
        now: datetime,  # noqa: ARG002
    ) -> Collection[uuid.UUID]:
        """Return all of them; `write` cancels them."""
        return firings

    def write(self, effects: Effects, now: datetime) -> None:
        """Take up firings, evaluations and wakes as items; cancel what was overtaken."""
        for draft in effects.firings:
            self._add_firing(draft)
        for evaluation in effects.evaluations:
            self._add_evaluation(evaluation)
        for wake in effects.wakes:
            if ("wake", wake.key) not in self._keyed:
                self._push(wake.due_at, wake, ("wake", wake.key))
        for name in effects.cancelled:
            self._cancel(name, now)

    def note(self, traces: Sequence[Trace]) -> None:
        """Count nothing."""

    def keep(self, traces: Sequence[Trace]) -> None:
        """Keep nothing: a replay leaves no decision."""

    def pop_due(self, before: datetime) -> MemoryItem | None:
        """Take the first item due before `before`, by due time, ties as made; None if none."""
        while self._heap and self._heap[0][0] < before:
            _, _, item = heapq.heappop(self._heap)
            if item.key is not None and self._keyed.get(item.key) is item:
                del self._keyed[item.key]
            if not item.is_gone:
                return item
        return None

    def put(self, wake: Wake) -> None:
        """Put a wake off to a later moment."""
        self._push(wake.due_at, wake, ("wake", wake.key))

    def start(self, draft: FiringDraft) -> None:
        """Note that a delayed firing has started; in a replay it succeeds at once."""
        self._mark(draft.uuid, is_waiting=False)

    def _add_firing(self, draft: FiringDraft) -> None:
        self._firings[draft.uuid] = self._push(draft.due_at, draft)
        if draft.purpose != "trigger":
            return
        key = episode_of(draft.detection, draft.event)
        self._episodes[draft.uuid] = key
        self._told[key][draft.uuid] = told_by(draft)
        self._siblings[_acquisition(draft)].append(draft.uuid)

    def _add_evaluation(self, evaluation: Evaluation) -> None:
        event = evaluation.event
        key = (
            "evaluate",
            evaluation.workflow_id,
            event.environment,
            event.subject,
            tuple(sorted(evaluation.ifs or ())),
        )
        waiting = self._keyed.get(key)
        if waiting is None:
            self._push(evaluation.due_at, evaluation, key)
        elif isinstance(waiting.work, Evaluation):
            first = waiting.work
            if event.time >= first.event.time:
                waiting.work = msgspec.structs.replace(evaluation, due_at=first.due_at)

    def _push(
        self,
        due_at: datetime,
        work: FiringDraft | Evaluation | Wake,
        key: tuple[object, ...] | None = None,
    ) -> MemoryItem:
        item = MemoryItem(due_at=due_at, work=work, key=key)
        heapq.heappush(self._heap, (due_at, next(self._numbers), item))
        if key is not None:
            self._keyed[key] = item
        return item

    def _cancel(self, name: uuid.UUID, now: datetime) -> None:
        """Cancel a delayed firing; with the last of its acquisition intervals open again."""
        item = self._firings[name]
        item.is_gone = True
        self._mark(name, is_lost=True)
        if not isinstance(item.work, FiringDraft):
            return
        siblings = self._siblings[_acquisition(item.work)]
        if all(self._firings[sibling].is_gone for sibling in siblings):
            for sibling in siblings:
                self._open_intervals(sibling, now)

    def _open_intervals(self, name: uuid.UUID, now: datetime) -> None:
        for key in self._acquired.get(name, ()):
            held = self._intervals[key]
            if held.firing == name and held.held_until > now:
                self._intervals[key] = Holding(held_until=now, firing=name)

    def _mark(self, name: uuid.UUID, **fields: bool) -> None:
        episode = self._episodes.get(name)
        if episode is not None:
            told = self._told[episode]
            told[name] = msgspec.structs.replace(told[name], **fields)


def _acquisition(draft: FiringDraft) -> tuple[str, int, int]:
    return (draft.event.key, draft.workflow_id, draft.action_id)
