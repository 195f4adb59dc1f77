"""Embedded: items carried out by threads of this process, where there is no broker.

A pool and a runner, started by the first item and by no import; each process has its own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.processing.execution import Executor
from workflow_engine.queue import Pair, Runner, ThreadSender, unsend


class Engine:
    """Carries out what is sent to it, and what comes due while it runs."""

    def __init__(self) -> None:
        """Start nothing yet."""
        executor = Executor(clock.SYSTEM, send=self.send, send_task=None)
        self._pool = ThreadSender(executor.execute, options.RUNNER_THREADS)
        self._runner = Runner(send=self._pool)

    def start(self) -> None:
        """Start the runner, unless it runs."""
        if not self._runner.is_running:
            self._runner.start()

    def send(self, pairs: Sequence[Pair]) -> None:
        """Take claimed items in and return at once."""
        self._pool(pairs)
        self.start()

    def drain(self, seconds: float) -> bool:
        """Wait until the pool holds nothing, `seconds` at most, and say whether that is so."""
        return self._pool.drain(seconds)

    def stop(self, seconds: float) -> bool:
        """Claim nothing more, give back what waits, and say whether all that ran has ended."""
        ended = self._runner.stop(seconds)
        intake = self._pool.stop(seconds)
        unsend(intake.waiting)
        return ended and not intake.running


@lru_cache(maxsize=1)
def _engine_of(pid: int) -> Engine:  # noqa: ARG001 - the key of the cache
    return Engine()


def engine() -> Engine:
    """Return the engine of this process; one inherited by a fork is not used."""
    return _engine_of(os.getpid())


def send_items(pairs: Sequence[Pair]) -> None:
    """Hand claimed items to the threads of this process."""
    engine().send(pairs)


def execute_now(pairs: Sequence[Pair]) -> None:
    """Carry out claimed items in this thread; a `send` for commands and tests."""
    Executor(clock.SYSTEM, send=execute_now, send_task=None).execute(pairs)
