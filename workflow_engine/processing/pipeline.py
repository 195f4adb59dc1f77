"""Pipeline: the order of the steps, and nothing else: detect, match, plan, enqueue.

Look-ups and state reads come first, judging is pure, and everything that changes is written
in one transaction, after a receipt for each event that has effects.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from workflow_engine import telemetry
from workflow_engine.processing import telling
from workflow_engine.processing.detect import keeps_state, subject_key
from workflow_engine.processing.effects import Effects
from workflow_engine.processing.judged import judge_events
from workflow_engine.processing.ledger.base import Ledger
from workflow_engine.processing.publish import (
    Duplicates,
    Overtaken,
    is_written,
    publish,
)
from workflow_engine.processing.rules import detectors_of
from workflow_engine.processing.trace import outcome_of
from workflow_engine.types.event import Event
from workflow_engine.types.outcome import Outcome
from workflow_engine.types.reasons import Reason, result_of
from workflow_engine.types.snapshots import DetectorSnapshot
from workflow_engine.types.trace import Trace

OPTIMISTIC_TRIES: Final = 5  # then the rows of the states are locked


def process(events: Sequence[Event], ledger: Ledger, now: datetime) -> list[Outcome]:
    """Judge events and write what follows; outcomes in the order given.

    Look-ups, state reads and writes are done once for all of them. Within one detector,
    environment and subject, events are taken by time, ties as given; the first copy of an
    event counts. Database errors rise, and nothing was written: give the events again.
    """
    return [outcome_of(trace) for trace in trace_events(events, ledger, now)]


def trace_events(events: Sequence[Event], ledger: Ledger, now: datetime) -> list[Trace]:
    """Do what `process` does, and return the whole traces."""
    links = map(telling.sender_of, events)
    with telemetry.span("process", links=links, events=len(events)) as span:
        with telemetry.span("look_up"):
            found = detectors_of(events)
        traces = trace_asked(list(zip(events, found, strict=True)), ledger, now)
        if span.is_told:
            span.set(**telling.of_events(traces))
    return traces


def trace_asked(
    asked: Sequence[tuple[Event, Sequence[DetectorSnapshot]]],
    ledger: Ledger,
    now: datetime,
) -> list[Trace]:
    """Do what `trace_events` does, for events whose detectors are already known."""
    events = [event for event, _ in asked]
    first = {event.key: place for place, event in reversed(list(enumerate(events)))}
    places = sorted(first.values(), key=lambda place: (events[place].time, place))
    judged, copies = _settle([asked[place] for place in places], ledger, now)
    traces = dict(zip((t.event.key for t in judged), judged, strict=True))
    ledger.keep([trace for trace in judged if not is_written(trace)])
    answers = [
        traces[event.key]
        if first[event.key] == place and event.key not in copies
        else _duplicate(event, now)
        for place, event in enumerate(events)
    ]
    repeats = tuple(t for t in answers if t.reason is Reason.DUPLICATE_EVENT)
    if repeats:
        with ledger.transaction():
            ledger.write(Effects(traces=repeats), now)
    ledger.note(answers)
    return answers


def _settle(
    asked: Sequence[tuple[Event, Sequence[DetectorSnapshot]]],
    ledger: Ledger,
    now: datetime,
) -> tuple[list[Trace], Collection[str]]:
    """Judge and write until nobody was first; return traces and the keys of duplicates."""
    copies: set[str] = set()
    overtaken = 0
    while True:
        batch = [(e, found) for e, found in asked if e.key not in copies]
        try:
            if overtaken < OPTIMISTIC_TRIES:
                return _attempt(batch, ledger, now, lock=False), copies
            with ledger.transaction():
                return _attempt(batch, ledger, now, lock=True), copies
        except Duplicates as duplicates:
            copies |= duplicates.keys
        except Overtaken:
            overtaken += 1


def _attempt(
    batch: Sequence[tuple[Event, Sequence[DetectorSnapshot]]],
    ledger: Ledger,
    now: datetime,
    *,
    lock: bool,
) -> list[Trace]:
    keys = {
        subject_key(detector, event)
        for event, found in batch
        for detector in found
        if keeps_state(detector)
    }
    states = ledger.states(keys, lock=lock) if keys else {}
    judged, moved = judge_events(batch, states, now)
    return publish(judged, moved, ledger, now)


def _duplicate(event: Event, now: datetime) -> Trace:
    return Trace(
        id=uuid.uuid4().hex,
        event=event,
        decided_at=now,
        result=result_of(Reason.DUPLICATE_EVENT),
        reason=Reason.DUPLICATE_EVENT,
    )
