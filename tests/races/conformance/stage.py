"""Stage: threads of which one moves at a time, each stopping before every call it makes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from django.db import connections

#: No call takes so long; only a lock that is never let go does.
LIMIT_SECONDS: Final = 15.0

#: A thread that nobody moves any more ends by itself.
ABANDONED_SECONDS: Final = 150.0

IDLE: Final = "idle"


class Killed(BaseException):
    """Ends a thread's work where it stands, as the end of its process would."""


class Stuck(AssertionError):
    """An actor did not come to its next call."""


class Actor(threading.Thread):
    """Somebody who does one piece of work after another, as told.

    Attributes:
        at: Which call it stands before; IDLE between pieces of work.
        told: What its latest piece of work returned.
        has_rows: It has taken outbox rows and not committed that.
        tells_empty: It found none, and stops before it commits that.
        stops_at_update: It also stops between reading a row and changing it.
    """

    def __init__(self, name: str) -> None:
        """Begin idle."""
        super().__init__(name=name, daemon=True)
        self.at = IDLE
        self.told: object = None
        self.has_rows = False
        self.tells_empty = False
        self.stops_at_update = False
        self._work: Callable[[], object] | None = None
        self._may_go = threading.Semaphore(0)
        self._has_stopped = threading.Semaphore(0)
        self._doom: BaseException | None = None
        self._is_dying = False
        self._error: BaseException | None = None

    # Called by the director

    def begin(self, work: Callable[[], object]) -> None:
        """Do a piece of work, as far as its first call."""
        assert self.at == IDLE, f"{self.name} stands before '{self.at}'"
        self._work = work
        self.go()

    def go(self, doom: BaseException | None = None) -> None:
        """Make the call it stands before, or raise there; come to the next one.

        Raises:
            Stuck: It did not come there.
        """
        self.let_go(doom)
        self.arrive()

    def let_go(self, doom: BaseException | None = None) -> None:
        """Make the call without waiting for it: a call that waits for others."""
        self._doom = doom
        self._may_go.release()

    def arrive(self) -> None:
        """Return when it stands before the next call; see `go`."""
        if not self._has_stopped.acquire(timeout=LIMIT_SECONDS):
            message = (
                f"{self.name} left '{self.at}' {LIMIT_SECONDS} s ago, stops nowhere"
            )
            raise Stuck(message)
        if self._error is not None:
            error, self._error = self._error, None
            message = f"{self.name} failed after '{self.at}': {error!r}"
            raise AssertionError(message) from error

    def kill(self) -> None:
        """End its piece of work, if it has one."""
        if self.at != IDLE:
            self.go(Killed())
        assert self.at == IDLE

    def finish(self) -> None:
        """Go on to the end of its piece of work."""
        for _ in range(100):
            if self.at == IDLE:
                return
            self.go()
        message = f"{self.name} does not come to an end"
        raise Stuck(message)

    def to(self, at: str) -> None:
        """Go on until it stands before a call."""
        for _ in range(100):
            if self.at == at:
                return
            assert self.at != IDLE, f"{self.name} does not come to '{at}'"
            self.go()

    def do(self, work: Callable[[], object]) -> None:
        """Do a piece of work, whole."""
        self.begin(work)
        self.finish()

    def leave(self) -> None:
        """End the thread."""
        self.kill()
        self._work = None
        self._may_go.release()
        self.join(LIMIT_SECONDS)

    # Called in the thread

    def stop(self, at: str) -> None:
        """Stand before a call until told to go on."""
        if self._is_dying:
            raise Killed
        self.at = at
        self._has_stopped.release()
        self._wait()
        doom, self._doom = self._doom, None
        if doom is not None:
            self._is_dying = isinstance(doom, Killed)
            raise doom

    def _wait(self) -> None:
        if not self._may_go.acquire(timeout=ABANDONED_SECONDS):
            message = f"{self.name} was left before '{self.at}'"
            raise Stuck(message)

    def run(self) -> None:
        """Do pieces of work until there are no more."""
        try:
            self._wait()
            while self._work is not None:
                try:
                    self.told = self._work()
                except Killed:
                    self.told = None
                except BaseException as error:  # noqa: BLE001 - raised by `go`
                    self._error = error
                self.at, self._is_dying = IDLE, False
                self.has_rows = self.tells_empty = False
                self._has_stopped.release()
                self._wait()
        finally:
            connections.close_all()


def actor() -> Actor | None:
    """Return who runs this code; None for the director."""
    thread = threading.current_thread()
    return thread if isinstance(thread, Actor) else None


def stop(at: str) -> None:
    """Let whoever runs this stand before a call."""
    if me := actor():
        me.stop(at)
