"""Figures: what a process counted, added to the tables that all processes share.

Written every METRICS_FLUSH_SECONDS by a timer that the first count starts, and when the
process ends; never inside a caller's transaction. The flush after the last figures says that
no more is expected, and then the timer rests until something is counted again.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from django.db import InterfaceError, OperationalError, connections

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.late import LateTimer
from workflow_engine.metrics.counts import Figure, counts
from workflow_engine.metrics.forgets import Forgotten, forgets, row_of
from workflow_engine.metrics.sources import source
from workflow_engine.models.metric import MetricBucket, MetricBucketQuerySet, Size
from workflow_engine.models.metric_source import CacheUse, MetricSource
from workflow_engine.models.metric_write import write

logger = logging.getLogger(__name__)

#: For a flush of another thread, at the end: what that one took would be lost with it.
TURN_SECONDS: Final = 10.0


class Figures:
    """Writes what this process counted, one flush at a time."""

    def __init__(self, cache_use: Callable[[], str] | None = None) -> None:
        """Write nothing yet; `cache_use` is as in `connect`."""
        self._timer = LateTimer(self._flush_on_time, _seconds)
        self._cache_use = cache_use or _no_use
        self._is_away = False  # whether the last flush failed; guarded by _turn
        self._turn = threading.Lock()
        os.register_at_fork(after_in_child=self._leave_parent)

    def connect(self, cache_use: Callable[[], str] | None = None) -> None:
        """Write what this process counts from now on.

        Args:
            cache_use: Says, at each flush, of what use the cache is: a `CacheUse`, or "".
        """
        self._cache_use = cache_use or _no_use
        counts.on_first = self._begin
        atexit.register(self.end)

    def flush(self) -> int:
        """Write what was counted and return how many figures that were.

        In a transaction nothing is written: it stays for the timer, which has a connection
        of its own. With the database away everything is kept for the next time: figures
        have a bound, since none of their names comes from outside, and so have notes. Cut
        off between a commit and its answer, they count twice.
        """
        return self._flush(is_last=False)

    def end(self) -> None:
        """Write what was counted, and that this process ends."""
        self._flush(is_last=True)

    def discard(self) -> None:
        """Forget what was counted, for a process that must not write any more, and be new."""
        self._timer.disarm()
        with self._turns():
            counts.take()
            forgets.take()
            source.begin_anew()
            self._is_away = False

    def _begin(self) -> bool:
        """Something is counted, after nothing was; return whether it will be written."""
        source.begin(clock.now())
        return self._timer.arm()

    def _flush_on_time(self) -> None:
        self._flush(is_last=False, has_own=True)

    def _flush(self, *, is_last: bool, has_own: bool = False) -> int:
        """Write, unless the connection may be in a transaction that is not `has_own`."""
        if not has_own and _in_transaction(options.DATABASE):
            return 0
        with self._turns():
            taken, notes = counts.take(), forgets.take()
            use = self._cache_use()
            # Who has given its cache up says so again, or one killed then would stay so.
            goes_on = bool(taken or notes) or use == CacheUse.GIVEN_UP
            is_told = source.is_open if is_last else source.is_expected
            if not goes_on and not is_told:
                return 0
            row = _row(use, goes_on=goes_on, is_last=is_last)
            is_written = self._write(taken, notes, row)
        if not is_last and (goes_on or not is_written):
            self._timer.arm()
        return len(taken) if is_written else 0

    def _write(
        self, taken: list[Figure], notes: list[Forgotten], row: MetricSource
    ) -> bool:
        is_last = row.ended_at is not None
        try:
            rows = [row_of(note) for note in notes]
            if is_last:
                connections[options.DATABASE].close()  # idle for long, it may be dead
            write(taken, row, rows, using=options.DATABASE, now=row.flushed_at)
            _commit(options.DATABASE)
        except Exception as error:
            counts.put_back(taken)
            forgets.put_back(notes)
            if not self._is_away:  # once for each time it is away
                logger.log(
                    _level(error, is_last=is_last),
                    "Figures could not be written and are kept.",
                    exc_info=True,
                    extra={"action": "flush_figures", "figures": len(taken)},
                )
            self._is_away = True
            return False
        source.has_told(row)
        self._is_away = False
        return True

    @contextmanager
    def _turns(self) -> Iterator[None]:
        """Do one thing at a time; after TURN_SECONDS do it all the same."""
        turn = self._turn
        has_turn = turn.acquire(timeout=TURN_SECONDS)
        try:
            yield
        finally:
            if has_turn:
                turn.release()

    def _leave_parent(self) -> None:
        """In a forked child, wait for no thread of the parent."""
        self._turn = threading.Lock()
        self._is_away = False


def _row(use: str, *, goes_on: bool, is_last: bool) -> MetricSource:
    """Return what this process says of itself; while it `goes_on` more is expected of it."""
    now = clock.now()
    expected_at = now + timedelta(seconds=_seconds()) if goes_on else None
    row = source.row(
        now=now, expected_at=None if is_last else expected_at, cache_use=use
    )
    row.ended_at = now if is_last else None
    return row


def expired(using: str, now: datetime) -> MetricBucketQuerySet:
    """Return the figures that METRICS_RETAIN_HOURS no longer keeps."""
    kept = options.METRICS_RETAIN_HOURS
    sizes = (Size.MINUTE, Size.HOUR, Size.DAY)
    moments = {size: now - timedelta(hours=kept[size.value]) for size in sizes}
    return MetricBucket.objects.using(using).older_than(moments)


def _in_transaction(using: str) -> bool:
    connection = connections[using]
    if connection.in_atomic_block:
        return True
    return connection.connection is not None and not connection.autocommit


def _commit(using: str) -> None:
    """Commit what was written where the project has AUTOCOMMIT off; nothing else is open."""
    if not connections[using].get_autocommit():
        connections[using].commit()


def _level(error: Exception, *, is_last: bool) -> int:
    """Return how loud to be: the last seconds of a process whose database is away are little."""
    is_away = isinstance(error, OperationalError | InterfaceError)
    return logging.INFO if is_last and is_away else logging.ERROR


def _seconds() -> float:
    return float(options.METRICS_FLUSH_SECONDS)


def _no_use() -> str:
    return ""


figures: Final = Figures()
flush = figures.flush
end = figures.end
discard = figures.discard
connect = figures.connect
