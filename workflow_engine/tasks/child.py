"""Child: the companion as a process of its own, beside the pool of a worker that forks.

A child of the worker's main process: a thread there would hold locks and connections that
each process forked later inherits. It ends with that process, whatever ends it.
"""

from __future__ import annotations

import logging
import math
import os
import signal
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from billiard.context import Process

from workflow_engine.companion import Companion
from workflow_engine.metrics import figures
from workflow_engine.queue.waiters import Latch

NAME: Final = "workflow-companion"
LOOK_SECONDS: Final = 1.0  # between looks whether the worker still lives
STOP_SECONDS: Final = 3.0

#: For the worker, which tells its child; sent to a whole group of processes they come here.
_IGNORED: Final = ("SIGINT", "SIGQUIT")
_RESET: Final = ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCHLD")


logger = logging.getLogger(__name__)


class Child:
    """A process in which a companion runs."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._process: Process | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.is_alive()

    def start(self) -> None:
        """Fork it, unless it lives.

        Raises:
            OSError: There is no room for another process.
        """
        if self.is_running:
            return
        process = Process(
            target=live, args=(os.getpid(), _open_files()), name=NAME, daemon=True
        )
        process.start()
        self._process = process

    def stop(self, seconds: float) -> bool:
        """Tell it to end, and say whether it has in `seconds`; else it is killed."""
        process, self._process = self._process, None
        if process is None or not process.is_alive():
            return True
        _send(process, signal.SIGTERM)
        process.join(math.ceil(seconds))
        if not process.is_alive():
            return True
        logger.warning(
            "What lives beside the worker did not end in time and is killed.",
            extra={"action": "companion", "pid": process.pid},
        )
        _send(process, signal.SIGKILL)
        process.join()
        return False


def live(worker_pid: int, inherited: Collection[int]) -> None:
    """Run a companion in this forked process until it is told to end or the worker is gone.

    The worker's death is seen by its id: the end of a pipe would not be, as the processes
    of the pool hold it open.
    """
    told = Latch()
    _mind_own_signals(told)
    _let_go(inherited)
    companion = Companion()
    companion.start()
    while os.getppid() == worker_pid and companion.is_running:
        if told.wait(LOOK_SECONDS):
            break
    companion.stop(STOP_SECONDS)
    figures.end()  # such a process ends without what is done at exit


def _mind_own_signals(told: Latch) -> None:
    """Run none of the worker's handlers, which were inherited; SIGTERM alone ends it."""
    signal.set_wakeup_fd(-1)
    for names, answer in ((_IGNORED, signal.SIG_IGN), (_RESET, signal.SIG_DFL)):
        for name in names:
            signal.signal(signal.Signals[name], answer)
    signal.signal(signal.SIGTERM, lambda *_: told.set())


def _send(process: Process, number: signal.Signals) -> None:
    """Send a signal; Celery's own way may be set to send another one."""
    if process.pid is not None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _open_files() -> frozenset[int]:
    """Return the numbers of the open files of this process, where that can be asked."""
    with suppress(OSError):
        return frozenset(int(entry.name) for entry in Path("/dev/fd").iterdir())
    return frozenset()


def _let_go(inherited: Collection[int]) -> None:
    """Hold no connection and no pipe of the worker open.

    Their numbers stay taken: whatever believes to own one may still close it.
    """
    kept = {0, 1, 2, *_log_files()}
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in set(inherited) - kept:
        with suppress(OSError):  # not open any more
            mode = os.fstat(number).st_mode
            if stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode):
                os.dup2(nowhere, number, inheritable=False)
    os.close(nowhere)


def _log_files() -> Iterator[int]:
    """Yield what log handlers write to: files, pipes and sockets."""
    for logger in (logging.getLogger(), *logging.Logger.manager.loggerDict.values()):
        for handler in getattr(logger, "handlers", ()):
            for name in ("stream", "socket", "sock"):
                with suppress(AttributeError, OSError, ValueError):
                    yield getattr(handler, name).fileno()
