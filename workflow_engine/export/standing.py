"""Standing: how all stands now, read from the database, as families that rise and fall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from workflow_engine import companion
from workflow_engine.conf import options
from workflow_engine.export.family import PREFIX, Family, Kind, Labels, Numbers
from workflow_engine.metrics.sources import Sources, read_sources
from workflow_engine.queue import MOST
from workflow_engine.status import items
from workflow_engine.status.debt import Debt, read_debt


def standing(using: str, now: datetime) -> Iterator[Family]:
    """Yield how all stands at a moment; four queries, three without an outbox.

    What is unknown, or is not there in this project, has no value: it is never 0.
    """
    yield from _items(items.read(using, now))
    yield from _outbox(read_debt(using) if companion.is_wanted() else None)
    yield from _sources(read_sources(using, now) if options.METRICS else None, now)


def _items(found: items.Items) -> Iterator[Family]:
    yield _gauge(
        "items",
        "Items to be carried out, and dead letters. A coming one is due later; an overdue one"
        " has been due, or given up, for longer than it takes a runner to notice. Counting"
        f" ends at {MOST}.",
        ("state",),
        {
            ("coming",): found.coming.number,
            ("due",): found.due.number,
            ("overdue",): found.overdue.number,
            ("sent",): found.sent.number,
            ("running",): found.running.number,
            ("dead",): found.dead.number,
        },
    )
    yield _gauge(
        "items_resent",
        "Of the sent items, those that were handed over more than twice: no worker begins"
        " them.",
        (),
        _known(found.resent.number),
    )
    yield _gauge(
        "oldest_due_seconds",
        "For how long the first of the overdue items has been due; absent without any.",
        (),
        _known(found.late_seconds),
    )
    yield _gauge(
        "paused",
        "1 while items are paused: none is claimed or begun.",
        (),
        _known(int(found.paused is not None)),
    )


def _outbox(debt: Debt | None) -> Iterator[Family]:
    yield _gauge(
        "outbox_rows",
        "Rows of the outbox: entries that are still to be forgotten.",
        (),
        _known(None if debt is None else debt.rows),
    )
    yield _gauge(
        "outbox_oldest_seconds",
        "For how long the oldest row of the outbox has been there; absent when it is empty.",
        (),
        _known(None if debt is None else debt.oldest_seconds),
    )


def _sources(sources: Sources | None, now: datetime) -> Iterator[Family]:
    flushed_at = None if sources is None else sources.flushed_at
    age_seconds = (
        max(0.0, (now - flushed_at).total_seconds()) if flushed_at is not None else None
    )
    yield _gauge(
        "figures_age_seconds",
        "How long ago any process wrote figures.",
        (),
        _known(age_seconds),
    )
    by_state: dict[Labels, float] = {}
    if sources is not None:
        by_state[("heard",)] = sources.living - sources.silent
        by_state[("silent",)] = sources.silent
    yield _gauge(
        "sources",
        "Processes that count. A silent one had more to write, and did not.",
        ("state",),
        by_state,
    )
    has_cache = options.CACHE_ALIAS is not None
    yield _gauge(
        "breaker_open",
        "Processes that do without their cache for the time being.",
        (),
        _known(sources.given_up if sources is not None and has_cache else None),
    )


def _known(value: float | None) -> Mapping[Labels, float]:
    """Return the one value of a family without labels, or none."""
    return {} if value is None else {(): value}


def _gauge(
    name: str, text: str, labels: Labels, values: Mapping[Labels, float]
) -> Numbers:
    return Numbers(
        name=PREFIX + name, text=text, labels=labels, kind=Kind.GAUGE, values=values
    )
