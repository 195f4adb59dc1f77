"""Companion: what lives beside a worker or a runner; the sweeper, woken by the database.

It is a thread, and so belongs in no process that forks. What it does not know: Celery, and
which process it is in.
"""

from __future__ import annotations

import threading

from django.db import Error as DatabaseError
from django.db import connections

from workflow_engine.caches.coherence import current
from workflow_engine.caches.outbox import prune
from workflow_engine.caches.sweeper import Sweeper, log_error
from workflow_engine.conf import options
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.models.cache_triggers import CHANNEL
from workflow_engine.queue.feed import Feed


def is_wanted() -> bool:
    """Whether entries are in Redis, and what spoils them is in the outbox of a database."""
    return (
        options.CACHE_ALIAS is not None
        and connections[options.DATABASE].vendor == "postgresql"
    )


def sweep_once() -> None:
    """Forget what the outbox owes, for a process that stays only a moment; raises nothing."""
    if not is_wanted():
        return
    try:
        current().sweep()
    except (CacheUnavailable, DatabaseError) as error:
        log_error(error)


class Companion:
    """Sweeps on a thread of its own, from its start to its stop."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._sweeper: Sweeper | None = None  # guarded by _lock

    @property
    def is_running(self) -> bool:
        """Whether it sweeps in this process."""
        sweeper = self._sweeper
        return sweeper is not None and sweeper.is_running

    def start(self) -> None:
        """Begin, if there is anything to sweep and it does not run yet; returns at once."""
        if self.is_running or not is_wanted():
            return
        with self._lock:
            if not self.is_running:
                self._sweeper = _sweeper()
                self._sweeper.start()

    def stop(self, seconds: float) -> bool:
        """End, and say whether it has ended, in `seconds` at most."""
        with self._lock:
            sweeper, self._sweeper = self._sweeper, None
        return sweeper is None or sweeper.stop(seconds)


def _sweeper() -> Sweeper:
    database = options.DATABASE
    return Sweeper(
        coherence=current,
        waiting=Feed(database, (CHANNEL,)),
        prune=lambda: prune(database),
    )
