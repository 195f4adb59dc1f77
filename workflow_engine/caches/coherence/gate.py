"""Gate: whether this process may use the cache; closed at its start and after failures.

While it is closed, reads come from the database and commits leave what they owe in the
outbox. It opens once the server answers and everything the outbox shows has been forgotten,
so that nothing a process could not forget is ever answered from the cache again.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from typing import Final

from django.db import Error as DatabaseError

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.metrics.counts import counts

logger = logging.getLogger(__name__)

#: Processes that lost the server together do not all come back at once.
RETRY_JITTER: Final = 0.2

#: What no retry cures: the server, or the database, is none that may be cached with.
LASTING: Final = frozenset({"replica", "no_identity"})


class Gate:
    """Open or closed; threads share it."""

    def __init__(self, prepare: Callable[[], bool]) -> None:
        """Begin closed.

        `prepare` makes new connections, forgets what is owed and says whether all of it was;
        it may raise CacheUnavailable or an error of the database.
        """
        self._prepare = prepare
        self._lock = threading.Lock()  # guards the fields below
        self._opening = False
        self._closings = 0
        self._errors = 0
        self._retry_at = float("-inf")
        self._is_told = False  # the log knows that the cache is not used
        self.is_open = False
        #: Why it is closed, for the metrics: breaker, replica, no_identity.
        self.reason = "breaker"

    @property
    def is_given_up(self) -> bool:
        """Whether it is closed because something failed, and not since the process began."""
        return not self.is_open and self._retry_at > float("-inf")

    def passes(self) -> bool:
        """Whether the cache may be used; opens it when it is time to try.

        One caller at a time tries, and the others do without the cache meanwhile.
        """
        return self.is_open or self._try_open()

    def may_pay(self) -> bool:
        """Whether what a commit owes is to be forgotten now, not left in the outbox.

        Also while another caller opens: the server seems to be there, and what he forgets
        need not have been committed when he looked.
        """
        return self.passes() or self._opening or self.is_open

    def leave(self) -> None:
        """Note that something was left in the outbox by somebody who may not pay.

        An opening that begins later forgets it; one under way may have looked before.
        """
        with self._lock:
            if not self.is_open:
                self._closings += 1

    def succeed(self) -> None:
        """Note that the server answered."""
        self._errors = 0

    def fail(self, error: CacheUnavailable) -> None:
        """Note an error; closes after CACHE_BREAKER's errors in a row, or at once."""
        counts.add("", "error", error.reason)
        with self._lock:
            self._errors += 1
            must_close = error.closes or self._errors >= options.CACHE_BREAKER["errors"]
        if must_close:
            self.close(error)

    def close(self, error: BaseException | None = None) -> None:
        """Stop using the cache: something that is owed may not have been forgotten."""
        with self._lock:
            was_open, self.is_open = self.is_open, False
            self._closings += 1
            if was_open:
                self._retry_at = clock.monotonic() + _retry_seconds()
        if was_open:
            self._is_told = True
            counts.add("", "breaker", "tripped")
            logger.warning(
                "The cache is not used until its server answers again: %s",
                error or "what is owed could not all be forgotten",
                extra={"action": "close_cache"},
            )

    def _try_open(self) -> bool:
        with self._lock:
            if self._opening or clock.monotonic() < self._retry_at:
                return False
            self._opening = True
            closings = self._closings
        is_ready = False
        try:
            is_ready = self._prepare()
        except (CacheUnavailable, DatabaseError) as error:
            reason = error.reason if isinstance(error, CacheUnavailable) else "database"
            self.reason = reason if reason in LASTING else "breaker"
            counts.add("", "error", reason)
            level = logging.DEBUG if self._is_told else logging.WARNING
            self._is_told = True  # once for an outage
            logger.log(
                level,
                "The cache cannot be used yet: %s",
                error,
                extra={"action": "open_cache"},
            )
        finally:
            self._end_opening(is_ready=is_ready, closings=closings)
        return self.is_open

    def _end_opening(self, *, is_ready: bool, closings: int) -> None:
        """Open, unless somebody closed meanwhile: what he owes may have come too late."""
        with self._lock:
            self._opening = False
            self._errors = 0
            self.is_open = is_ready and closings == self._closings
            if not self.is_open:
                self._retry_at = clock.monotonic() + _retry_seconds()
        if self.is_open:
            counts.add("", "breaker", "reset")
            level = logging.INFO if self._is_told else logging.DEBUG
            self._is_told = False
            logger.log(
                level, "The cache is used again.", extra={"action": "open_cache"}
            )


def _retry_seconds() -> float:
    jitter = random.uniform(-RETRY_JITTER, RETRY_JITTER)  # noqa: S311 - no secret
    return float(options.CACHE_BREAKER["retry_seconds"]) * (1 + jitter)
