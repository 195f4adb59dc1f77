"""Metrics: what happened to entries, counted in the memory of this process.

A figure is named by access, counter and reason; how many, how much in all, and the most.
Counting is exact under threads and costs no query; who writes figures down takes them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure, as counted since it was last taken.

    Attributes:
        access: Name of the access; "" = no single one.
        counter: Such as "hit"; see docs/guarantees.
        reason: Such as "near"; "" = none.
        count: How often.
        total: Sum of what was observed; 0 where nothing is measured.
        highest: The most that was observed.
    """

    access: str
    counter: str
    reason: str
    count: int
    total: float = 0.0
    highest: float = 0.0


class Counts:
    """Figures since they were last taken; one per process."""

    def __init__(self) -> None:
        """Count from nothing."""
        self._lock = threading.Lock()
        self._figures: dict[tuple[str, str, str], list[float]] = {}  # guarded by _lock

    def add(self, access: str, counter: str, reason: str = "", count: int = 1) -> None:
        """Count something that happened `count` times."""
        if count:
            self._add(access, counter, reason, count, 0.0)

    def observe(self, access: str, counter: str, reason: str, value: float) -> None:
        """Count something that was measured, in the unit its name says."""
        self._add(access, counter, reason, 1, value)

    def take(self) -> list[Figure]:
        """Return every figure and count from nothing."""
        with self._lock:
            taken, self._figures = self._figures, {}
        return list(_figures(taken))

    def look(self) -> list[Figure]:
        """Return every figure and go on counting."""
        with self._lock:
            seen = {key: list(values) for key, values in self._figures.items()}
        return list(_figures(seen))

    def _add(
        self, access: str, counter: str, reason: str, count: int, value: float
    ) -> None:
        key = (access, counter, reason)
        with self._lock:
            figure = self._figures.get(key)
            if figure is None:
                figure = self._figures[key] = [0, 0.0, 0.0]
            figure[0] += count
            figure[1] += value
            figure[2] = max(figure[2], value)


def _figures(values: dict[tuple[str, str, str], list[float]]) -> Iterator[Figure]:
    for (access, counter, reason), (count, total, highest) in sorted(values.items()):
        yield Figure(
            access=access,
            counter=counter,
            reason=reason,
            count=int(count),
            total=total,
            highest=highest,
        )


counts = Counts()
