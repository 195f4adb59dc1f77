"""Runner: the loop that looks, sends, and sleeps until exactly the next moment."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from typing import Final

from django.db import close_old_connections, connections

from workflow_engine import clock as clocks
from workflow_engine.clock import Clock
from workflow_engine.conf import options
from workflow_engine.exceptions import AlreadyRunning
from workflow_engine.queue.dispatcher import Dispatcher, Reader
from workflow_engine.queue.reader import StoreReader
from workflow_engine.queue.store import Send
from workflow_engine.queue.waiters import Latch

#: A commit that cuts a back-off short is tried at once, but no more often than this.
LEAST_BACKOFF_SECONDS: Final = 0.1
LONGEST_BACKOFF_SECONDS: Final = 5.0
LONGEST_BLOCKED_SECONDS: Final = 1.0

logger = logging.getLogger(__name__)


def log_error(error: Exception) -> None:
    """Write an error of the loop to the log."""
    logger.error("A pass of the queue failed and is tried again.", exc_info=error)


class Runner:
    """One loop, in the calling thread (`run`, `run_until`) or in one of its own (`start`).

    It sleeps on a latch, never on a counter: `wake` is cheap, never blocks, and works
    before the start and after the stop; a thousand calls cost one look. The latch is
    cleared before the look, so a call during the look costs one more.
    """

    def __init__(
        self,
        *,
        send: Send,
        clock: Clock = clocks.SYSTEM,
        reader: Reader | None = None,
        on_error: Callable[[Exception], None] = log_error,
    ) -> None:
        """Send by `send`; tell `on_error` of each failed pass before the back-off."""
        self._dispatcher = Dispatcher(
            send=send,
            clock=clock,
            reader=reader or StoreReader(),
            is_stopping=self._is_stopping,
        )
        self._clock = clock
        self._on_error = on_error
        self._latch = Latch()
        self._must_stop = False
        self._ended = threading.Event()
        # Reentrant, as a signal handler may stop the loop of its own thread.
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None  # guarded by _lock
        self._pid: int | None = None  # guarded by _lock; of the process the loop is in
        # Passes one after the other that failed, or got nothing of what is due; the
        # loop's own.
        self._failures = 0
        self._blocked = 0

    @property
    def is_running(self) -> bool:
        """Whether the loop runs in this process; one inherited by a fork does not."""
        return self._pid == os.getpid()

    @property
    def is_paused(self) -> bool:
        """Whether a pause lasts, as far as the last pass saw."""
        return self._dispatcher.is_paused()

    def wake(self) -> None:
        """Look again now instead of sleeping on."""
        self._latch.set()

    def run(self) -> None:
        """Run in this thread until `stop` is called elsewhere, or an exception ends it."""
        self.run_until(lambda: False)

    def run_until(self, is_done: Callable[[], bool]) -> None:
        """Run in this thread until `is_done`, asked after each pass, or `stop`.

        Raises:
            AlreadyRunning: It runs already.
        """
        self._enter()
        try:
            self._loop(is_done)
        finally:
            self._leave()

    def start(self) -> None:
        """Run in a thread of its own.

        Raises:
            AlreadyRunning: It runs already, or is still stopping.
        """
        self._enter()
        thread = threading.Thread(
            target=self._run_thread, name="workflow-queue", daemon=True
        )
        with self._lock:
            self._thread = thread
        try:
            thread.start()
        except BaseException:
            self._leave()
            raise

    def stop(self, seconds: float) -> bool:
        """Claim nothing more and wait for the end of the loop, `seconds` at most.

        Says whether it has ended. A claim in the air is given back when it succeeds.
        Without a loop, and from the thread of the loop, a signal handler there included,
        it returns at once.
        """
        with self._lock:
            if not self.is_running:
                return True
            is_own = self._thread is threading.current_thread()
            self._must_stop = True
            self._latch.set()
        return False if is_own else self._ended.wait(seconds)

    def _enter(self) -> None:
        with self._lock:
            if self.is_running:
                raise AlreadyRunning("The runner of the queue runs; stop it first.")
            self._pid = os.getpid()
            self._thread = threading.current_thread()
            self._must_stop = False
            self._ended.clear()

    def _leave(self) -> None:
        with self._lock:
            self._pid = None
            self._thread = None
            self._ended.set()

    def _run_thread(self) -> None:
        try:
            self._loop(lambda: False)
        finally:
            connections.close_all()
            self._leave()

    def _loop(self, is_done: Callable[[], bool]) -> None:
        while not self._is_stopping():
            self._latch.clear()
            seconds = self._pass()
            if is_done():
                return
            self._latch.wait(seconds)

    def _pass(self) -> float:
        """Look once and return the seconds to sleep."""
        try:
            sent = self._dispatcher.run_once()
        except Exception as error:  # noqa: BLE001 - handed to the owner
            self._failures += 1
            self._report(error)
            return self._back_off()
        else:
            self._failures = 0
            return self._seconds_to_next(sent)
        finally:
            close_old_connections()

    def _seconds_to_next(self, sent: int) -> float:
        longest = float(options.POLL_SECONDS)
        due_at = self._dispatcher.next_due()
        if due_at is None:
            return longest
        seconds = (due_at - self._clock.now()).total_seconds()
        is_blocked = seconds <= 0 and not sent
        self._blocked = self._blocked + 1 if is_blocked else 0
        if is_blocked:  # somebody holds the row; asking without a pause frees nothing
            seconds = min(LONGEST_BLOCKED_SECONDS, _doubled(self._blocked - 1))
        return min(longest, max(0.0, seconds))

    def _report(self, error: Exception) -> None:
        try:
            self._on_error(error)
        except Exception:
            logger.exception("The one to be told of an error raised one itself.")

    def _back_off(self) -> float:
        """Wait the least that must be, until a stop; return what may be cut short."""
        until = clocks.monotonic() + LEAST_BACKOFF_SECONDS
        was_woken = False
        while (left := until - clocks.monotonic()) > 0 and not self._must_stop:
            was_woken |= self._latch.wait(left)
        if was_woken:
            self._latch.set()
        seconds = min(LONGEST_BACKOFF_SECONDS, _doubled(self._failures))
        return seconds - LEAST_BACKOFF_SECONDS

    def _is_stopping(self) -> bool:
        return self._must_stop


def _doubled(times: int) -> float:
    seconds: float = LEAST_BACKOFF_SECONDS * 2 ** min(times, 10)
    return seconds
