"""Counts: what happened, counted in the memory of this process.

A figure is named by scope, counter and reason; how many, how much in all, and the most.
Counting is exact under threads and costs no query; who writes figures down takes them.

What happens all the time is only counted: each thread adds to a tally of its own, which
nobody else writes to, and who takes figures remembers what he has taken. So there is no
lock on the way of a look-up. What is measured has one.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
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
        counter: Such as "hit"; docs/guarantees.md and docs/operations.md list them.
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


class _Thread:
    """A thread, or a task that counts as one, until it ends."""


@dataclass(slots=True, kw_only=True)
class _Tally:
    """What one thread counted since it began.

    Attributes:
        thread: Gone when the thread is; nobody adds then.
        counted: Written by its thread alone.
        taken: What of it has been taken.
    """

    thread: weakref.ref[_Thread]
    counted: dict[_Key, int]
    taken: dict[_Key, int] = field(default_factory=dict)


class _Own(threading.local):
    """What a thread adds to; made when it first counts."""

    def __init__(self, tell: Callable[[_Tally], None]) -> None:
        self.thread = _Thread()
        self.counted: dict[_Key, int] = defaultdict(int)
        tell(_Tally(thread=weakref.ref(self.thread), counted=self.counted))


class Counts:
    """Figures since they were last taken; one per process, exact under threads.

    Attributes:
        on_first: Called when something is counted after nothing was; returns whether
            somebody will take it. If not, it is called again when more is counted.
    """

    def __init__(self) -> None:
        """Count from nothing."""
        self.on_first: Callable[[], bool] = _no_matter
        self._begin_anew()
        os.register_at_fork(after_in_child=self._begin_anew)

    def _begin_anew(self) -> None:
        """Count from nothing; so does a forked child: the parent writes what it counted."""
        self._lock = threading.Lock()
        self._figures: dict[_Key, list[float]] = {}  # guarded by _lock
        self._tallies: list[_Tally] = []  # guarded by _lock
        self._has_begun = False  # written under _lock
        self._own = _Own(self._tell)

    def add(self, scope: str, counter: str, reason: str = "", count: int = 1) -> None:
        """Count something that happened `count` times."""
        if count and options.METRICS:
            self._own.counted[scope, counter, reason] += count
            if not self._has_begun:
                self._begin()

    def observe(self, scope: str, counter: str, reason: str, value: float) -> None:
        """Count something that was measured, in the unit its name says, and its spread."""
        if options.METRICS:
            measured = float(value)  # drivers want one type in a column
            self._add((scope, counter, reason), 1, measured, measured)
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
            # Before anything is read: what is added after it was read begins anew.
            self._has_begun = False
            taken, self._figures = self._figures, {}
            living = [one for one in self._tallies if one.thread() is not None]
            for tally in self._tallies:
                now = dict(tally.counted)
                _add_to(taken, now, tally.taken)
                tally.taken = now
            self._tallies = living
        return list(_figures(taken))

    def look(self) -> list[Figure]:
        """Return every figure and go on counting."""
        with self._lock:
            seen = {key: list(values) for key, values in self._figures.items()}
            for tally in self._tallies:
                _add_to(seen, dict(tally.counted), tally.taken)
        return list(_figures(seen))

    def put_back(self, figures: Iterable[Figure]) -> None:
        """Count what was taken as if it had not been."""
        for one in figures:
            key = (one.scope, one.counter, one.reason)
            self._add(key, one.count, one.total, one.highest)

    def _add(self, key: _Key, count: int, total: float, highest: float) -> None:
        with self._lock:
            figure = self._figures.get(key)
            if figure is None:
                self._figures[key] = [count, total, highest]
            else:
                figure[0] += count
                figure[1] += total
                figure[2] = max(figure[2], highest)
        if not self._has_begun:
            self._begin()

    def _begin(self) -> None:
        """Say that something was counted after nothing was; once until it is taken."""
        with self._lock:
            had_begun, self._has_begun = self._has_begun, True
        if not had_begun and not self.on_first():
            with self._lock:
                self._has_begun = False

    def _tell(self, tally: _Tally) -> None:
        with self._lock:
            self._tallies.append(tally)


def _no_matter() -> bool:
    """Nobody writes figures down, and nobody is to be asked again."""
    return True


def _add_to(
    figures: dict[_Key, list[float]], now: dict[_Key, int], taken: dict[_Key, int]
) -> None:
    """Add what was counted and not taken."""
    for key, count in now.items():
        left = count - taken.get(key, 0)
        if left:
            figure = figures.setdefault(key, [0, 0.0, 0.0])
            figure[0] += left


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
