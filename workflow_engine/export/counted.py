"""Counted: from running totals to families that only grow; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from workflow_engine.export.family import (
    PREFIX,
    Family,
    Kind,
    Labels,
    Numbers,
    Spread,
    Times,
)
from workflow_engine.metrics.counts import Figure
from workflow_engine.metrics.spread import BOUNDS, SUFFIX, bound_of

#: Sums of the same numbers may differ in their last digits from one reading to the next,
#: and a counter that shrinks is taken for one that began again. So they end at microseconds.
DIGITS: Final = 6

_MS_IN_SECOND: Final = 1000

#: The reason that is the sum of others, which would be counted twice.
_SUM: Final = "checked"


@dataclass(frozen=True, kw_only=True)
class _Counter:
    """A family of numbers made of figures.

    Attributes:
        counters: Names of the counters whose figures count.
        place: Which labels a figure counts for; None = it does not count.
        number: How much it counts for.
        starts_with: The labels of each access, from the start: the first of what must never
            happen is a rise from 0, or no alert would see it.
    """

    name: str
    text: str
    labels: Labels
    counters: tuple[str, ...]
    place: Callable[[Figure], Labels | None]
    number: Callable[[Figure], float] = lambda figure: figure.count
    starts_with: Callable[[str], Labels] | None = None


@dataclass(frozen=True, kw_only=True)
class _Histogram:
    """A family of times made of what was measured, in milliseconds.

    Attributes:
        counter: Name of the counter.
        label: What its scope is called; "" = scopes are added up, and there is always one
            member.
    """

    name: str
    text: str
    counter: str
    label: str = ""


def _by_reason(figure: Figure) -> Labels:
    return (figure.scope, figure.reason)


def _read(figure: Figure) -> Labels:
    return (figure.scope, figure.counter, figure.reason)


def _fill(figure: Figure) -> Labels:
    if figure.counter == "fill":
        return (figure.scope, figure.reason, "")
    return (figure.scope, figure.counter, figure.reason)


def _pair(figure: Figure) -> Labels:
    """What stands before and behind the colon of a reason, each a label of its own."""
    first, _, second = figure.reason.partition(":")
    return (figure.scope, first, second)


def _verdict(figure: Figure) -> Labels | None:
    return None if figure.reason == _SUM else _by_reason(figure)


def _stale(figure: Figure) -> Labels | None:
    return (figure.scope,) if figure.reason == "stale" else None


_COUNTERS: Final = (
    _Counter(
        name="events_total",
        text="Events that were decided on.",
        labels=("outcome", "reason"),
        counters=("event",),
        place=_by_reason,
    ),
    _Counter(
        name="firings_total",
        text="Firings that came into a state.",
        labels=("action_kind", "state", "reason"),
        counters=("firing",),
        place=_pair,
    ),
    _Counter(
        name="deliveries_total",
        text="Attempts to carry out an action.",
        labels=("action_kind", "result"),
        counters=("delivery",),
        place=_by_reason,
    ),
    _Counter(
        name="lookup_reads_total",
        text="Keys that were asked for; each is a hit, a miss or a bypass.",
        labels=("access", "result", "reason"),
        counters=("hit", "miss", "bypass"),
        place=_read,
    ),
    _Counter(
        name="lookup_fills_total",
        text="Answers that were loaded to be stored: stored, or refused and why.",
        labels=("access", "result", "reason"),
        counters=("fill", "refused"),
        place=_fill,
    ),
    _Counter(
        name="lookup_forgets_total",
        text="Entries that were forgotten, because of what kind of write of what model.",
        labels=("access", "cause", "model"),
        counters=("forgot",),
        place=_pair,
    ),
    _Counter(
        name="lookup_whole_forgets_total",
        text="Times that all entries of an access were forgotten at once.",
        labels=("access", "cause", "model"),
        counters=("forgot_all",),
        place=_pair,
    ),
    _Counter(
        name="lookup_permits_total",
        text="Keys under a permit to fill: taken, or filled by another reader meanwhile.",
        labels=("access", "result"),
        counters=("permit",),
        place=_by_reason,
    ),
    _Counter(
        name="lookup_bytes_total",
        text="Bytes of entries to and from the cache server.",
        labels=("access", "direction"),
        counters=("bytes",),
        place=_by_reason,
        number=lambda figure: round(figure.total),
    ),
    _Counter(
        name="lookup_verified_total",
        text="Entries that were compared with the database, or could not be.",
        labels=("access", "result"),
        counters=("verify", "shadow"),
        place=_verdict,
    ),
    _Counter(
        name="lookup_stale_total",
        text="Entries that were found stale.",
        labels=("access",),
        counters=("verify", "shadow"),
        place=_stale,
        starts_with=lambda access: (access,),
    ),
    _Counter(
        name="lookup_errors_total",
        text="What went wrong with the cache.",
        labels=("reason",),
        counters=("error",),
        place=lambda figure: (figure.reason,),
    ),
)

_HISTOGRAMS: Final = (
    _Histogram(
        name="action_seconds",
        text="How long an attempt to carry out an action took.",
        counter="action",
        label="action_kind",
    ),
    _Histogram(
        name="item_lateness_seconds",
        text="How long after it was due an item was begun for the first time.",
        counter="lateness",
    ),
    _Histogram(
        name="lookup_load_seconds",
        text="How long the database took to answer a look-up.",
        counter="load",
        label="access",
    ),
    _Histogram(
        name="lookup_invalidation_lag_seconds",
        text="From a commit to everything forgotten that it spoiled.",
        counter="lag",
    ),
)

_BOUNDS: Final = (*(bound / _MS_IN_SECOND for bound in BOUNDS), inf)


def counted(figures: Iterable[Figure], accesses: Collection[str]) -> Iterator[Family]:
    """Yield the families of what was counted, always the same ones.

    Args:
        figures: Running totals, each scope, counter and reason once.
        accesses: Names of those that are there; () = nothing is counted any more, so that
            what was not yet is unknown.
    """
    by_counter: Mapping[str, list[Figure]] = defaultdict(list)
    for figure in figures:
        by_counter[figure.counter].append(figure)
    for counter in _COUNTERS:
        yield _numbers(counter, by_counter, accesses)
    for histogram in _HISTOGRAMS:
        yield _times(histogram, by_counter, accesses)


def _numbers(
    family: _Counter,
    by_counter: Mapping[str, list[Figure]],
    accesses: Collection[str],
) -> Numbers:
    start = family.starts_with
    values: dict[Labels, float] = {start(one): 0 for one in accesses} if start else {}
    for counter in family.counters:
        for figure in by_counter.get(counter, ()):
            labels = family.place(figure)
            if labels is not None:
                values[labels] = values.get(labels, 0) + family.number(figure)
    return Numbers(
        name=PREFIX + family.name,
        text=family.text,
        labels=family.labels,
        kind=Kind.COUNTER,
        values=values,
    )


def _times(
    family: _Histogram,
    by_counter: Mapping[str, list[Figure]],
    accesses: Collection[str],
) -> Times:
    counts: dict[Labels, dict[float, int]] = {}
    sums: dict[Labels, float] = defaultdict(float)
    if accesses and not family.label:
        counts[()] = {}
    for figure in by_counter.get(family.counter + SUFFIX, ()):
        labels = (figure.scope,) if family.label else ()
        own = counts.setdefault(labels, {})
        bound = bound_of(figure.reason)
        own[bound] = own.get(bound, 0) + figure.count
    for figure in by_counter.get(family.counter, ()):
        sums[(figure.scope,) if family.label else ()] += figure.total
    return Times(
        name=PREFIX + family.name,
        text=family.text,
        labels=(family.label,) if family.label else (),
        bounds_seconds=_BOUNDS,
        spreads={
            labels: Spread(
                up_to=_up_to(own),
                total_seconds=round(sums[labels] / _MS_IN_SECOND, DIGITS),
            )
            for labels, own in counts.items()
        },
    )


def _up_to(counts: Mapping[float, int]) -> tuple[int, ...]:
    """Return for every bound how many did not exceed it."""
    return tuple(
        sum(n for bound, n in counts.items() if bound <= most)
        for most in (*BOUNDS, inf)
    )
