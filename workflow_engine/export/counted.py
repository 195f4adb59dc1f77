"""Counted: from running totals to families that only grow; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from math import inf
from typing import Final

from workflow_engine.export.counters import COUNTERS, HISTOGRAMS, Counter, Histogram
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
    for counter in COUNTERS:
        yield _numbers(counter, by_counter, accesses)
    for histogram in HISTOGRAMS:
        yield _times(histogram, by_counter, accesses)


def _numbers(
    family: Counter,
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
    family: Histogram,
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
