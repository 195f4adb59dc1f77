"""The clock: the one place that asks what time it is.

Code that decides is handed a time or a clock; it never asks by itself.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What tells the time: the system, a test, or a replay."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)


class ManualClock:
    """A clock that stands still until it is moved, for tests of a project and of ours."""

    def __init__(self, at: datetime) -> None:
        """Start at `at`, an aware moment."""
        self._at = at

    def now(self) -> datetime:
        """Return the moment the clock was last moved to."""
        return self._at

    def move_to(self, at: datetime) -> None:
        """Set the clock, forwards or backwards."""
        self._at = at

    def advance(self, **amount: float) -> None:
        """Move the clock by a `timedelta` given as keywords."""
        self._at += timedelta(**amount)


SYSTEM: Clock = SystemClock()


def now() -> datetime:
    """Return the present moment of the system clock, aware, in UTC."""
    return SYSTEM.now()


def monotonic() -> float:
    """Return seconds on a clock that never goes back, for waiting and measuring."""
    return time.monotonic()


def pause(seconds: float) -> None:
    """Block this thread for `seconds`."""
    time.sleep(seconds)
