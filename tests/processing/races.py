"""Two workers at once: threads with connections of their own, begun together or held."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

LIMIT_SECONDS = 20

T = TypeVar("T")


class Gate:
    """Stops the first who comes, until it is opened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_taken = False
        self.arrived = threading.Event()
        self._opened = threading.Event()

    def pass_once(self) -> None:
        """Wait here, for the first who comes; everybody else walks through."""
        with self._lock:
            is_first, self._is_taken = not self._is_taken, True
        if is_first:
            self.arrived.set()
            if not self._opened.wait(LIMIT_SECONDS):
                raise AssertionError("nobody opened the gate")

    def wait_for_arrival(self) -> None:
        """Return when somebody stands at the gate."""
        if not self.arrived.wait(LIMIT_SECONDS):
            raise AssertionError("nobody came to the gate")

    def open(self) -> None:
        """Let the first one go on."""
        self._opened.set()


def alone(work: Callable[[], T]) -> T:
    """Do the work in this thread, and close its connection."""
    try:
        return work()
    finally:
        connection.close()


def at_once(pool: ThreadPoolExecutor, work: Sequence[Callable[[], T]]) -> list[T]:
    """Let all begin at the same moment, and return what each came to."""
    barrier = threading.Barrier(len(work))

    def run(one: Callable[[], T]) -> T:
        connection.ensure_connection()
        barrier.wait(LIMIT_SECONDS)
        return alone(one)

    waiting = [pool.submit(run, one) for one in work]
    return [one.result(LIMIT_SECONDS) for one in waiting]
