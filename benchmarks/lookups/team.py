"""Team: the workers of a run, as the parent sees them."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from benchmarks.lookups.contenders import KINDS
from benchmarks.lookups.places import SMALL, Places

ROOT: Final = Path(__file__).resolve().parents[2]
#: The longest order, writing a million rows or forgetting a million times, and then some.
ANSWER_SECONDS: Final = 1200
STOP_SECONDS: Final = 20


class WorkerFailed(Exception):
    """A worker could not do what it was told; the message is its traceback."""


class Worker:
    """One process, from its start to `stop`."""

    def __init__(
        self, kind: str, places: Places, *, core: int = -1, database: str = SMALL
    ) -> None:
        """Start a process of a kind, on a core (-1 = any) and on a PostgreSQL database."""
        self.kind = kind
        what = KINDS[kind]
        self._process = subprocess.Popen(  # noqa: S603 - ours
            [sys.executable, "-m", "benchmarks.lookups.worker", kind, str(core)],
            cwd=ROOT,
            env={
                **places.environment(what.database, database),
                "WORKFLOW_BENCH_ENGINE": json.dumps(dict(what.engine)),
                "WORKFLOW_BENCH_PEER": what.peer,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def ask(self, do: str, **facts: Any) -> Any:
        """Give an order and return the answer."""
        self.tell(do, **facts)
        return self.hear(do)

    def tell(self, do: str, **facts: Any) -> None:
        """Give an order."""
        assert self._process.stdin  # noqa: S101 - asked for above
        self._process.stdin.write(f"{json.dumps({'do': do, **facts})}\n".encode())
        self._process.stdin.flush()

    def hear(self, do: str) -> Any:
        """Return the answer to the order that was given last.

        Raises:
            WorkerFailed: It failed, or said nothing for too long.
        """
        output = self._process.stdout
        assert output  # noqa: S101 - asked for above
        if not select.select([output], [], [], ANSWER_SECONDS)[0]:
            message = f"{self.kind} said nothing to '{do}' for {ANSWER_SECONDS} s"
            raise WorkerFailed(message)
        line = output.readline()
        if not line:
            message = f"{self.kind} ended when it was told to '{do}'"
            raise WorkerFailed(message)
        answer = json.loads(line)
        if "error" in answer:
            message = f"{self.kind} could not '{do}':\n{answer['error']}"
            raise WorkerFailed(message)
        return answer["answer"]

    def stop(self) -> None:
        """End the process: in good order, and else by force."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def workers(
    *kinds: str, places: Places, core: int = -1, database: str = SMALL
) -> Iterator[list[Worker]]:
    """Yield a worker of each kind; all have ended afterwards."""
    with ExitStack() as stack:
        team = []
        for kind in kinds:
            team.append(Worker(kind, places, core=core, database=database))
            stack.callback(team[-1].stop)
        yield team


def missing(kind: str) -> bool:
    """Whether a kind cannot be started: its package is not installed."""
    package = KINDS[kind].package
    try:
        return bool(package) and find_spec(package) is None
    except ModuleNotFoundError:  # of the parent of a dotted name
        return True


def core_to_stay_on() -> int:
    """Return the number of the core that everybody is timed on; -1 where one cannot choose."""
    if not hasattr(os, "sched_getaffinity"):
        return -1
    return max(os.sched_getaffinity(0))
