"""Threads: a pool that carries out items in this process, used as a `send`."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import close_old_connections, connections

from workflow_engine import clock
from workflow_engine.exceptions import NotStarted
from workflow_engine.queue.store import Pair

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What a pool holds.

    Attributes:
        waiting: Items handed over and not begun, in order.
        running: Items whose carrying out has not returned.
    """

    waiting: tuple[Pair, ...]
    running: tuple[Pair, ...]


class ThreadSender:
    """Carries out items on `threads` threads, which start when items come.

    Made by its owner after a fork, never before one. Each (id, token) is held once: one
    that is sent again while it still waits here is not carried out twice.
    """

    def __init__(
        self, execute: Callable[[Sequence[Pair]], object], threads: int
    ) -> None:
        """Call `execute([(id, token)])` for each item, on `threads` threads at most."""
        self._execute = execute
        self._most = threads
        self._changed = threading.Condition()
        self._waiting: deque[Pair] = deque()  # guarded by _changed
        self._running: set[Pair] = set()  # guarded by _changed
        self._threads: list[threading.Thread] = []  # guarded by _changed
        self._idle = 0  # guarded by _changed
        self._is_open = True  # guarded by _changed

    def __call__(self, pairs: Sequence[Pair]) -> None:
        """Take items in and return at once.

        Raises:
            NotStarted: The pool was stopped; none of the items was taken.
        """
        with self._changed:
            if not self._is_open:
                raise NotStarted("The thread pool was stopped; make a new one.")
            for pair in pairs:
                if pair not in self._waiting and pair not in self._running:
                    self._waiting.append(pair)
            self._start_threads()
            self._changed.notify(len(pairs))

    @property
    def intake(self) -> Intake:
        """What it holds now."""
        with self._changed:
            return self._held()

    def drain(self, seconds: float) -> bool:
        """Wait until nothing is held, `seconds` at most, and say whether that is so."""
        with self._changed:
            return self._changed.wait_for(self._is_empty, seconds)

    def stop(self, seconds: float) -> Intake:
        """Take nothing more, wait for what runs, and return what was not carried out.

        `waiting` is the owner's to give back. `running` did not return in `seconds`; its
        threads are left to end by themselves.
        """
        until = clock.monotonic() + seconds
        with self._changed:
            self._is_open = False
            waiting = tuple(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
            self._changed.wait_for(self._is_empty, seconds)
            threads = tuple(self._threads)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - clock.monotonic()))
        with self._changed:
            return Intake(waiting=waiting, running=tuple(sorted(self._running)))

    def _held(self) -> Intake:
        return Intake(
            waiting=tuple(self._waiting), running=tuple(sorted(self._running))
        )

    def _is_empty(self) -> bool:
        return not self._waiting and not self._running

    def _start_threads(self) -> None:
        wanted = min(self._most - len(self._threads), len(self._waiting) - self._idle)
        for _ in range(wanted):
            thread = threading.Thread(
                target=self._work,
                name=f"workflow-items-{len(self._threads) + 1}",
                daemon=True,
            )
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        try:
            while (pair := self._next()) is not None:
                try:
                    self._carry_out(pair)
                finally:
                    self._let_go(pair)
        finally:
            connections.close_all()

    def _next(self) -> Pair | None:
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._waiting or not self._is_open)
            self._idle -= 1
            if not self._waiting:
                return None
            pair = self._waiting.popleft()
            self._running.add(pair)
            return pair

    def _let_go(self, pair: Pair) -> None:
        with self._changed:
            self._running.discard(pair)
            self._changed.notify_all()

    def _carry_out(self, pair: Pair) -> None:
        close_old_connections()
        try:
            self._execute([pair])
        except BaseException:
            # A failure of the item, never of the thread; its lease decides.
            logger.exception(
                "Carrying out an item raised; it lapses with its lease.",
                extra={"item_id": pair[0]},
            )
        finally:
            self._reset_connections()

    @staticmethod
    def _reset_connections() -> None:
        """Roll back what was left open, so that the next item starts afresh."""
        for connection in connections.all(initialized_only=True):
            if connection.in_atomic_block or not connection.autocommit:
                logger.error("A handler left a transaction open; it is rolled back.")
                connection.close()
                # Django opens no second connection inside the same atomic block.
                del connections[connection.alias]
        close_old_connections()
