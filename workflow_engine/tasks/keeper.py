"""Keeper: starts what lives beside a worker, starts it again when it ended, and stops it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Final, Protocol

from workflow_engine import clock

LOOK_SECONDS: Final = 1.0
LONGEST_BACKOFF_SECONDS: Final = 60.0
#: What has run for so long is started anew without a wait.
STEADY_SECONDS: Final = 120.0
STOP_SECONDS: Final = 5.0

logger = logging.getLogger(__name__)


class Kept(Protocol):
    """What lives beside a worker: a thread, or a process."""

    @property
    def is_running(self) -> bool:
        """Whether it has begun and has not ended."""
        ...

    def start(self) -> None:
        """Begin, unless it runs."""
        ...

    def stop(self, seconds: float) -> bool:
        """End, and say whether it has ended by itself, in `seconds` at most."""
        ...


class Timer(Protocol):
    """What calls again and again: the timer of a worker."""

    def call_repeatedly(self, secs: float, fun: Callable[[], None]) -> Any:
        """Call `fun` every `secs` until what is returned is cancelled."""
        ...


class Keeper:
    """Keeps one thing running. No error of it ends the worker."""

    def __init__(
        self,
        kept: Kept,
        timer: Timer,
        *,
        now: Callable[[], float] = clock.monotonic,
    ) -> None:
        """Start nothing yet."""
        self._kept = kept
        self._timer = timer
        self._now = now
        # The timer may be a thread of its own.
        self._lock = threading.Lock()
        self._is_stopped = False  # guarded by _lock
        self._entry: Any = None
        self._starts = 0  # one soon after the other
        self._began_at = self._next_at = now()

    def start(self) -> None:
        """Start it, and look from now on whether it runs."""
        self.look()
        self._entry = self._timer.call_repeatedly(LOOK_SECONDS, self.look)

    def look(self) -> None:
        """Start it if it does not run, sooner the longer it did."""
        with self._lock:
            now = self._now()
            if self._is_stopped or self._kept.is_running or now < self._next_at:
                return
            if now - self._began_at >= STEADY_SECONDS:
                self._starts = 0
            self._begin(now)

    def stop(self) -> None:
        """Stop it, and start it no more."""
        if self._entry is not None:
            self._entry.cancel()
        with self._lock:
            self._is_stopped = True
            self._kept.stop(STOP_SECONDS)

    def _begin(self, now: float) -> None:
        if self._starts:
            logger.warning(
                "What lives beside the worker had ended and is started again.",
                extra={"action": "companion", "starts": self._starts},
            )
        self._began_at = now
        self._next_at = now + min(LONGEST_BACKOFF_SECONDS, 2.0 ** min(self._starts, 10))
        self._starts += 1
        try:
            self._kept.start()
        except Exception:
            logger.exception(
                "What lives beside the worker could not be started.",
                extra={"action": "companion"},
            )
