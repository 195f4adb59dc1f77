"""Ways: what is done with a batch of events: judged here, rehearsed, or handed on."""

from __future__ import annotations

from collections.abc import Sequence

from workflow_engine import api, clock, tasks
from workflow_engine.management import hands
from workflow_engine.processing.ledger import DatabaseLedger, DryLedger
from workflow_engine.processing.pipeline import process, trace_asked
from workflow_engine.processing.rules import detectors_of
from workflow_engine.processing.schedule import enqueue_events
from workflow_engine.processing.trace import outcome_of
from workflow_engine.types.event import Event
from workflow_engine.types.outcome import Outcome


def decide(events: Sequence[Event]) -> list[Outcome]:
    """Judge and write; due items go to workers, or are carried out here without a broker."""
    send = tasks.send_items if tasks.uses_celery() else hands.carry_out
    return process(events, DatabaseLedger(send), clock.now())


def rehearse(events: Sequence[Event]) -> list[Outcome]:
    """Judge each alone and write nothing; only their detectors are looked up together.

    Nothing is remembered from one event to the next, so the batch makes no difference.
    """
    now = clock.now()
    return [
        outcome_of(trace)
        for pair in zip(events, detectors_of(events), strict=True)
        for trace in trace_asked([pair], DryLedger(), now)
    ]


def submit(events: Sequence[Event]) -> list[Outcome]:
    """Hand on; nothing is known of the outcome yet.

    Without a broker they become items for whichever runner comes: this process ends.
    """
    if tasks.uses_celery():
        api.hand_over(events)
    else:
        enqueue_events(events, clock.now(), None)
    return []
