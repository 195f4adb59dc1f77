"""Counts: what happened, counted in the memory of this process.

A figure is named by scope, counter and reason; how many, how much in all, and the most.
Counting is exact under threads and costs no query; who writes figures down takes them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from workflow_engine.conf import options
from workflow_engine.metrics.spread import SUFFIX, bound_text

#: Scope, counter, reason.
_Key: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure, as counted since it was last taken.

    Attributes:
        scope: Of what, such as the name of an access; "" = of no single thing.
        counter: Such as "hit"; docs/figures.md lists them.
        reason: Such as "near"; "" = none.
        count: How often.
        total: Sum of what was observed; 0 where nothing is measured.
        highest: The most that was observed.
    """

    scope: str
    counter: str
    reason: str
    count: int
    total: float = 0.0
    highest: float = 0.0


class Counts:
    """Figures since they were last taken; one per process, exact under threads.

    Attributes:
        on_first: Called when something is counted after nothing was.
    """

    def __init__(self) -> None:
        """Count from nothing."""
        self.on_first: Callable[[], None] = _do_nothing
        self._lock = threading.Lock()
        self._figures: dict[_Key, list[float]] = {}  # guarded by _lock
        os.register_at_fork(after_in_child=self._leave_parent)

    def add(self, scope: str, counter: str, reason: str = "", count: int = 1) -> None:
        """Count something that happened `count` times."""
        if count and options.METRICS:
            self._add((scope, counter, reason), count, 0.0, 0.0)

    def observe(self, scope: str, counter: str, reason: str, value: float) -> None:
        """Count something that was measured, in the unit its name says, and its spread."""
        if options.METRICS:
            self._add((scope, counter, reason), 1, value, value)
            self._add((scope, f"{counter}{SUFFIX}", bound_text(value)), 1, 0.0, 0.0)

    def sum(
        self, scope: str, counter: str, reason: str, *, count: int, total: float
    ) -> None:
        """Count something that happened `count` times and came to `total` together."""
        if count and options.METRICS:
            self._add((scope, counter, reason), count, total, 0.0)

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

    def put_back(self, figures: Iterable[Figure]) -> None:
        """Count what was taken as if it had not been."""
        for one in figures:
            key = (one.scope, one.counter, one.reason)
            self._add(key, one.count, one.total, one.highest)

    def _add(self, key: _Key, count: int, total: float, highest: float) -> None:
        with self._lock:
            is_first = not self._figures
            figure = self._figures.get(key)
            if figure is None:
                self._figures[key] = [count, total, highest]
            else:
                figure[0] += count
                if total:
                    figure[1] += total
                    figure[2] = max(figure[2], highest)
        if is_first:
            self.on_first()

    def _leave_parent(self) -> None:
        """In a forked child, count from nothing: the parent writes what it counted."""
        self._lock = threading.Lock()
        self._figures = {}


def _do_nothing() -> None:
    """Nobody writes figures down."""


def _figures(values: dict[_Key, list[float]]) -> Iterator[Figure]:
    for (scope, counter, reason), (count, total, highest) in sorted(values.items()):
        yield Figure(
            scope=scope,
            counter=counter,
            reason=reason,
            count=int(count),
            total=total,
            highest=highest,
        )


counts = Counts()
