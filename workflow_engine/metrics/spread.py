"""Spread: how measured values are spread, counted by bounds; pure.

A value counts for the least bound that it does not exceed. The bounds are the same in all
processes and for ever, so that counts can be added.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from math import inf
from typing import Final

#: In the unit of what is measured, such as milliseconds.
BOUNDS: Final = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500),
    *(1000, 2000, 5000, 10_000, 20_000, 60_000, 300_000, 3_600_000),
)

#: Behind the name of a counter: its counts by bound, the bounds as reasons.
SUFFIX: Final = ".le"

#: The reason of what exceeds every bound.
BEYOND: Final = "inf"

_TEXTS: Final = (*(f"{bound:g}" for bound in BOUNDS), BEYOND)


def bound_text(value: float) -> str:
    """Return the bound that a value counts for, as a reason."""
    return _TEXTS[bisect_left(BOUNDS, value)]


def bound_of(text: str) -> float:
    """Return the bound that a reason says.

    Raises:
        ValueError: It says none.
    """
    return inf if text == BEYOND else float(text)


def quantile(counts: Mapping[float, int], share: float, highest: float) -> float | None:
    """Return what a share of the values did not exceed, as near as the bounds tell.

    Args:
        counts: How many values, by bound.
        share: Such as 0.99.
        highest: The most that was measured; nothing above is returned.
    """
    total = sum(counts.values())
    if not total:
        return None
    wanted = share * total
    seen = 0
    for bound in sorted(counts):
        if seen + counts[bound] >= wanted:
            return _inside(bound, (wanted - seen) / counts[bound], highest)
        seen += counts[bound]
    return highest


def _inside(bound: float, share: float, highest: float) -> float:
    """Return the place between a bound and the one below, as if values lay evenly there."""
    place = bisect_left(BOUNDS, bound)
    below = BOUNDS[place - 1] if place else 0.0
    above = min(bound, highest)
    return below + (above - below) * share if above > below else above
