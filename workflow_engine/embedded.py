"""Embedded: items carried out by threads of this process, where there is no broker.

A pool and a runner, started by the first item and by no import; each process has its own. A
process that ends lets what it has taken in be carried out first, for RUNNER_DRAIN_SECONDS.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from workflow_engine import clock
from workflow_engine.actions import SendTask
from workflow_engine.companion import Companion
from workflow_engine.conf import options
from workflow_engine.exceptions import AlreadyRunning
from workflow_engine.processing.execution import Executor
from workflow_engine.queue import Pair, Runner, ThreadSender, unsend


class Engine:
    """Carries out what is sent to it, and what comes due while it runs."""

    def __init__(self, *, send_task: SendTask | None = None) -> None:
        """Start nothing yet; `send_task` sends the tasks of actions, if there is a broker."""
        executor = Executor(clock.SYSTEM, send=self.send, send_task=send_task)
        self._pool = ThreadSender(executor.execute, options.RUNNER_THREADS)
        self._runner = Runner(send=self._pool)
        self._companion = Companion()

    @property
    def is_running(self) -> bool:
        """Whether it looks for what comes due."""
        return self._runner.is_running

    @property
    def is_paused(self) -> bool:
        """Whether a pause lasts, as far as its runner saw."""
        return self._runner.is_paused

    def start(self) -> None:
        """Start the runner, unless it runs or another thread is starting it.

        With it begins what is to be done beside a runner.
        """
        with suppress(AlreadyRunning):
            self._runner.start()
        self._companion.start()

    def send(self, pairs: Sequence[Pair]) -> None:
        """Take claimed items in and return at once.

        Raises:
            NotStarted: It was stopped; none of the items was taken.
        """
        self._pool(pairs)
        self.start()

    def drain(self, seconds: float) -> bool:
        """Wait until the pool holds nothing, `seconds` at most, and say whether that is so."""
        return self._pool.drain(seconds)

    def stop(self, seconds: float) -> bool:
        """Claim nothing more and say whether all that ran has ended in `seconds`.

        What waits is given back at once, so that others may begin it. What did not end is
        left alone: its result counts until somebody else begins it, after its lease.
        """
        until = clock.monotonic() + seconds
        ended = self._runner.stop(seconds)
        ended &= self._companion.stop(max(0.0, until - clock.monotonic()))
        unsend(self._pool.stop(0).waiting)
        left = self._pool.stop(max(0.0, until - clock.monotonic()))
        return ended and not left.running


#: By process id, since one inherited by a fork has no threads.
_engines: Final[dict[int, Engine]] = {}


def engine() -> Engine:
    """Return the engine of this process."""
    pid = os.getpid()
    return _engines.get(pid) or _engines.setdefault(pid, Engine())


def send_items(pairs: Sequence[Pair]) -> None:
    """Hand claimed items to the threads of this process."""
    engine().send(pairs)


def stop(seconds: float) -> bool:
    """Stop the engine of this process, if there is one; the next item starts another.

    Says what `Engine.stop` does.
    """
    stopped = _engines.pop(os.getpid(), None)
    return stopped is None or stopped.stop(seconds)


@atexit.register
def _leave() -> None:
    """Carry out what waits, so that a script that submits and ends loses no time."""
    left = _engines.get(os.getpid())
    if left is not None:
        left.drain(options.RUNNER_DRAIN_SECONDS)
        stop(0)
