"""Sweeper: the loop that forgets what the outbox still owes, so that nobody has to ask."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Collection
from typing import Final, Protocol

from django.db import Error as DatabaseError
from django.db import close_old_connections, connections

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.exceptions import AlreadyRunning, CacheUnavailable
from workflow_engine.metrics.counts import counts

#: From an announcement to the sweep: the writer's own hook comes first.
HOOK_SECONDS: Final = 0.2
LEAST_BACKOFF_SECONDS: Final = 0.2
LONGEST_BACKOFF_SECONDS: Final = 5.0
#: Between two looks for rows so old that nobody needs them any more.
PRUNE_SECONDS: Final = 3600.0

logger = logging.getLogger(__name__)


class Sweeping(Protocol):
    """What can be swept: the coherence of this process."""

    def sweep(self) -> int:
        """Forget what the outbox owes and return how many rows that were."""
        ...


class Waiting(Protocol):
    """What the sweeper sleeps on; all but `interrupt` is called by its own thread."""

    def wait(self, seconds: float) -> Collection[str]:
        """Return what was announced, as soon as it was; nothing when the time ran out."""
        ...

    def interrupt(self) -> None:
        """End the wait, or else the next one, at once."""
        ...

    def close(self) -> None:
        """Give up what it holds; no wait follows."""
        ...


def log_error(error: Exception) -> None:
    """Write to the log that sweeps have begun to fail; what a server says, without a trace."""
    is_known = isinstance(error, CacheUnavailable | DatabaseError)
    logger.error(
        "The outbox could not be swept and is tried again: %s",
        error,
        exc_info=None if is_known else error,
        extra={"action": "sweep"},
    )


class Sweeper:
    """One loop, in the calling thread (`run`) or in one of its own (`start`), once.

    It sweeps when it begins, every OUTBOX_SWEEP_SECONDS, and soon after an announcement.
    No error ends it: a sweep that fails is tried again, later each time.
    """

    def __init__(
        self,
        *,
        coherence: Callable[[], Sweeping],
        waiting: Waiting,
        prune: Callable[[], object],
        on_error: Callable[[Exception], None] = log_error,
    ) -> None:
        """Sweep what `coherence` returns; tell `on_error` once when sweeps begin to fail.

        `prune` deletes what is too old to be owed; it is called now and then, since who
        has no Redis sweeps nothing.
        """
        self._coherence = coherence
        self._prune = prune
        self._prune_at = clock.monotonic()  # the loop's own
        self._waiting = waiting
        self._on_error = on_error
        self._failures = 0  # one after the other; the loop's own
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None  # guarded by _lock
        self._pid: int | None = None  # guarded by _lock; of the process the loop is in

    @property
    def is_running(self) -> bool:
        """Whether the loop runs in this process; one inherited by a fork does not."""
        return self._pid == os.getpid() and not self._ended.is_set()

    def run(self) -> None:
        """Run in this thread until `stop` is called elsewhere.

        Raises:
            AlreadyRunning: It runs, or has run.
        """
        self._enter(threading.current_thread())
        try:
            self._loop()
        finally:
            self._ended.set()

    def start(self) -> None:
        """Run in a thread of its own.

        Raises:
            AlreadyRunning: It runs, or has run.
        """
        thread = threading.Thread(
            target=self._run_thread, name="workflow-sweeper", daemon=True
        )
        self._enter(thread)
        try:
            thread.start()
        except BaseException:
            self._ended.set()
            raise

    def stop(self, seconds: float) -> bool:
        """Sweep no more, and say whether the loop has ended, in `seconds` at most.

        A sweep under way is finished.
        """
        self._stopping.set()
        if not self.is_running:
            return True
        self._waiting.interrupt()
        is_own = self._thread is threading.current_thread()
        return False if is_own else self._ended.wait(seconds)

    def _enter(self, thread: threading.Thread) -> None:
        with self._lock:
            if self._pid is not None:
                raise AlreadyRunning("The sweeper runs once; make another.")
            self._pid = os.getpid()
            self._thread = thread

    def _run_thread(self) -> None:
        try:
            self._loop()
        finally:
            connections.close_all()
            self._ended.set()

    def _loop(self) -> None:
        try:
            while not self._stopping.is_set():
                self._stopping.wait(self._turn())
        finally:
            self._waiting.close()

    def _turn(self) -> float:
        """Sweep, wait, and return how many seconds must pass before the next turn."""
        try:
            self._sweep()
            heard = self._waiting.wait(float(options.OUTBOX_SWEEP_SECONDS))
        except Exception as error:  # noqa: BLE001 - counted, and told to the owner
            return self._fail(error)
        self._failures = 0
        return HOOK_SECONDS if heard else 0.0

    def _sweep(self) -> None:
        try:
            self._coherence().sweep()
            if clock.monotonic() >= self._prune_at:
                self._prune_at = clock.monotonic() + PRUNE_SECONDS
                self._prune()
        except DatabaseError:
            connections.close_all()
            raise
        finally:
            close_old_connections()

    def _fail(self, error: Exception) -> float:
        counts.add("", "error", "sweep")
        if not self._failures:
            self._tell(error)
        self._failures += 1
        seconds: float = LEAST_BACKOFF_SECONDS * 2 ** min(self._failures - 1, 10)
        return min(LONGEST_BACKOFF_SECONDS, seconds)

    def _tell(self, error: Exception) -> None:
        try:
            self._on_error(error)
        except Exception:
            logger.exception("The one to be told of an error raised one itself.")
