"""Cold: what a look-up costs that finds nothing, alone and in a crowd."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, sleep
from typing import Any, Final

from django.db import connection
from django.test.utils import CaptureQueriesContext
from redis.connection import AbstractConnection

from benchmarks.lookups.limits import client
from benchmarks.lookups.questions import questions
from workflow_engine.lookups import accesses, workflows, workflows_for_detectors

WAIT_SECONDS: Final = 30

_crowd: list[ThreadPoolExecutor] = []
_sent: list[None] = []


def miss(size: int, place: int) -> dict[str, float]:
    """Return what one look-up cost after everything was forgotten."""
    asked = questions(size)[place]
    for access in accesses():
        access.forget_all()
    _sent.clear()
    with CaptureQueriesContext(connection) as queries:
        began = perf_counter()
        workflows_for_detectors(asked.detector_ids, asked.environment)
        seconds = perf_counter() - began
    return {
        "queries": len(queries),
        "round_trips": len(_sent),
        "ms": seconds * 1000,
    }


def count_trips() -> None:
    """Count from now on what is sent to Redis: a command, or a pipeline of them, is one.

    To be told first: a connection that is there already may not notice.
    """
    send: Any = AbstractConnection.send_packed_command

    def counting(self: AbstractConnection, *given: Any, **named: Any) -> Any:
        _sent.append(None)
        return send(self, *given, **named)

    setattr(AbstractConnection, send.__name__, counting)


def gather(threads: int, warm: int) -> None:
    """Have so many readers ready, each with its connections to the cache open."""
    workflows.get(warm)
    _crowd.append(ThreadPoolExecutor(threads))
    barrier = threading.Barrier(threads)

    def begin() -> None:
        barrier.wait(WAIT_SECONDS)
        workflows.get(warm)
        connection.close()

    for started in [_crowd[0].submit(begin) for _ in range(threads)]:
        started.result(WAIT_SECONDS)


def forget_workflow(key: int) -> None:
    """Make one entry cold."""
    workflows.forget((key,))


def rush(threads: int, key: int, at: float) -> int:
    """Have all readers ask for one entry at the same moment; return how many loads it took."""
    barrier = threading.Barrier(threads)

    def read() -> int:
        loads: list[None] = []

        def count(execute: Any, sql: str, *given: Any) -> Any:
            loads.append(None)
            return execute(sql, *given)

        barrier.wait(WAIT_SECONDS)
        sleep(max(at - perf_counter(), 0))
        with connection.execute_wrapper(count):
            workflows.get(key)
        connection.close()
        return len(loads)

    futures = [_crowd[0].submit(read) for _ in range(threads)]
    return sum(future.result(WAIT_SECONDS) for future in futures)


def sizes() -> dict[str, float]:
    """Return the bytes of a value: what is not its answer, and a whole cell on average."""
    own = client()
    headers, cells = [], []
    for name in own.scan_iter(match="*:workflows:[0-9]*"):
        key = int(name.rpartition(b":")[2])
        answer = workflows.codec.encode(workflows.get(key))
        cells.append(len(own.get(name) or b""))
        headers.append(cells[-1] - len(answer))
    return {
        "header": statistics.median(headers),
        "cell": round(statistics.mean(cells), 1),
    }


ORDERS: Final[Mapping[str, Callable[..., Any]]] = {
    "count_trips": count_trips,
    "miss": miss,
    "gather": gather,
    "forget_workflow": forget_workflow,
    "rush": rush,
    "sizes": sizes,
}
