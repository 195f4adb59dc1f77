"""Replay: recorded events judged by the rules of now, with their own times as the clock.

States, intervals, counts and items start empty, in memory. Items due before an event's time
run before it; actions count as carried out; items after the last event stay. Subjects that a
detector lists are awaited from the first event on one of its routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

import msgspec

from workflow_engine import telemetry
from workflow_engine.lookups import detectors
from workflow_engine.processing.again import ask, begin_waits, judge_evaluation, tick
from workflow_engine.processing.effects import Evaluation, Wake
from workflow_engine.processing.judged import Judged
from workflow_engine.processing.ledger import MemoryItem, MemoryLedger
from workflow_engine.processing.pipeline import trace_asked
from workflow_engine.processing.publish import publish
from workflow_engine.processing.rules import detectors_of
from workflow_engine.processing.trace import outcome_of
from workflow_engine.types.detection import State, SubjectKey
from workflow_engine.types.event import Event
from workflow_engine.types.outcome import Outcome
from workflow_engine.types.snapshots import Absent, DetectorId, DetectorSnapshot
from workflow_engine.types.trace import Trace

LOOK_UP_EVENTS: Final = 100  # whose detectors are looked up together


def replay(events: Iterable[Event]) -> Iterator[Outcome]:
    """Yield what would have become of each event, and of each item that judged in between.

    Each event is judged alone, at its own time; only the rules are looked up for many.
    """
    ledger = MemoryLedger()
    met: set[DetectorId] = set()
    coming = iter(events)
    while batch := list(islice(coming, LOOK_UP_EVENTS)):
        for event, found in zip(batch, detectors_of(batch), strict=True):
            for trace in _due_before(event.time, ledger):
                yield outcome_of(trace)
            _begin([d for d in found if d.id not in met], ledger, event.time)
            met |= {d.id for d in found}
            arrived = msgspec.structs.replace(event, accepted_at=event.time)
            with telemetry.span("replay"):
                traces = trace_asked([(arrived, found)], ledger, event.time)
            yield from map(outcome_of, traces)


def _begin(
    found: Sequence[DetectorSnapshot], ledger: MemoryLedger, now: datetime
) -> None:
    for detector in found:
        if not detector.problem:
            begin_waits(detector, ledger, now)


def _due_before(moment: datetime, ledger: MemoryLedger) -> Iterator[Trace]:
    while (item := ledger.pop_due(moment)) is not None:
        yield from _run(item, ledger)


def _run(item: MemoryItem, ledger: MemoryLedger) -> list[Trace]:
    work = item.work
    if isinstance(work, Evaluation):
        (answered,) = ask([work], ledger)
        return _write(judge_evaluation(answered, item.due_at), {}, ledger, item.due_at)
    if isinstance(work, Wake):
        return _wake(work, item.due_at, ledger)
    ledger.start(work)
    return []


def _wake(wake: Wake, due_at: datetime, ledger: MemoryLedger) -> list[Trace]:
    detector = detectors.get(wake.key[0])
    state = ledger.states([wake.key]).get(wake.key)
    if state is None or isinstance(detector, Absent):
        return []
    ticked = tick(detector, wake.key, state, due_at, due_at)
    if ticked is None:
        return []
    if ticked.wake_at is not None:
        ledger.put(Wake(key=wake.key, due_at=ticked.wake_at))
    states = {wake.key: ticked.state} if ticked.judged.moved else {}
    return _write(ticked.judged, states, ledger, due_at)


def _write(
    judged: Judged,
    states: dict[SubjectKey, State],
    ledger: MemoryLedger,
    now: datetime,
) -> list[Trace]:
    return publish([judged], states, ledger, now)
