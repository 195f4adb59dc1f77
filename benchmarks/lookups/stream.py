"""Stream: events through the task, and entries that are forgotten all the time."""

from __future__ import annotations

import gc
import os
import resource
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks.lookups.limits import client
from benchmarks.lookups.questions import BOUND, DETECTORS, WORKFLOWS, event_type
from workflow_engine import clock, tasks
from workflow_engine.lookups import workflows
from workflow_engine.models import Firing, WorkItem
from workflow_engine.types.event import Event, to_message

BATCH: Final = 100
#: One look-up for so many invalidations.
READ_EACH: Final = 50
#: A key that no row has.
UNKNOWN: Final = 1_000_000_000


def events(name: str, batches: int, *, reaches_workflows: bool) -> dict[str, float]:
    """Return seconds of an event in the median batch, and the queries of the last batch.

    The detector says no, or it triggers, and the workflows linked to it are judged and
    pass none of their if-groups.
    """
    amount = BOUND + 1 if reaches_workflows else 0
    given = [
        [message(f"{name}-{batch}-{place}", place, amount) for place in range(BATCH)]
        for batch in range(batches)
    ]
    taken = []
    for batch in given[:-1]:
        began = perf_counter()
        tasks.process_events(batch)
        taken.append(perf_counter() - began)
    with CaptureQueriesContext(connection) as queries:
        tasks.process_events(given[-1])
    if Firing.objects.exists() or WorkItem.objects.exists():
        refusal = "an event fired, or could not be judged"
        raise RuntimeError(refusal)
    return {"seconds": statistics.median(taken) / BATCH, "queries": len(queries)}


def message(name: str, place: int, amount: int) -> Any:
    """Return an event that one detector watches, as the task is given it."""
    now = clock.now()
    return to_message(
        Event(
            id=name,
            source="/shop",
            type=event_type(place * 7 % DETECTORS),
            time=now,
            accepted_at=now,
            subject=f"cart-{place}",
            environment=f"environment-{place % 10}",
            data={"amount": amount},
        )
    )


def churn(invalidations: int, seconds: float) -> dict[str, float]:
    """Return bytes that stay behind for an invalidation, in this process and in Redis.

    It ends after some seconds with what it has done.
    """
    began = perf_counter()
    _forget(max(invalidations // 10, 1), UNKNOWN, began + seconds / 10)
    process, server = _memory()
    began = perf_counter()
    done = _forget(invalidations, UNKNOWN * 2, began + seconds)
    taken = perf_counter() - began
    process_after, server_after = _memory()
    return {
        "process": (process_after - process) / done,
        "redis": (server_after - server) / done,
        "done": done,
        "per_second": done / taken,
    }


def _forget(number: int, unknown: int, until: float) -> int:
    """Forget entries that are there in turn with some that never were; return how many."""
    for place in range(number):
        key = 1 + place % WORKFLOWS
        workflows.forget((unknown + place if place % 2 else key,))
        if not place % READ_EACH:
            workflows.get(key)
            if perf_counter() > until:
                return place + 1
    return number


def _memory() -> tuple[int, int]:
    gc.collect()
    server = int(client().info("memory")["used_memory"])
    statm = Path("/proc/self/statm")
    if statm.exists():
        pages = int(statm.read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE"), server
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, server


ORDERS: Final[Mapping[str, Callable[..., Any]]] = {"events": events, "churn": churn}
