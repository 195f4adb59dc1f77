"""Processes: several sides of the protocol in one process, each as if in one of its own.

A side has its own connections, near copies and gate, and starts closed; what they share is
the database and the server, as processes do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, TypeAlias

from django.db import connection

from tests.receivers.answers import SOURCES, TYPES
from tests.waiting import wait_until
from workflow_engine.caches import CacheAccess
from workflow_engine.caches.coherence import NearState
from workflow_engine.caches.coherence.cells import CellCoherence
from workflow_engine.caches.declared import declared
from workflow_engine.caches.look_up import LookUp
from workflow_engine.caches.stores.base import CellStore
from workflow_engine.caches.stores.redis import RedisStore
from workflow_engine.conf import options
from workflow_engine.lookups import (
    detector_ids_by_route,
    detectors,
    workflow_ids_by_detector,
    workflows,
)

Access: TypeAlias = CacheAccess[Any, Any]
Asked: TypeAlias = Sequence[tuple[Access, Sequence[Any]]]
Answers: TypeAlias = dict[str, dict[Any, Any]]

OUTBOX = "SELECT count(*) FROM workflow_engine_cacheoutbox"
BACKENDS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND application_name = %s"
)


def process(store: CellStore | None = None) -> CellCoherence:
    """Return the side of a process that starts now."""
    used = RedisStore(str(options.CACHE_ALIAS)) if store is None else store
    return CellCoherence(str(options.DATABASE), used, declared)


def everything(detector_ids: Iterable[int], workflow_ids: Iterable[int]) -> Asked:
    """Return every question about some rules, and about every route of the tests."""
    ids = list(detector_ids)
    return [
        (
            detector_ids_by_route,
            [(kind, source) for kind in TYPES for source in SOURCES],
        ),
        (detectors, ids),
        (workflow_ids_by_detector, ids),
        (workflows, list(workflow_ids)),
    ]


def direct(asked: Asked) -> Answers:
    """Return what the database says now."""
    return {access.name: dict(access.load(keys)) for access, keys in asked}


def read(side: CellCoherence, asked: Asked) -> Answers:
    """Return what a process is answered, each question by a look-up of its own."""
    return {
        access.name: LookUp(access, coherence=side).get_many(access, keys)
        for access, keys in asked
    }


def warm(sides: Iterable[CellCoherence], asked: Asked) -> None:
    """Have each read everything until it has near copies that stand."""
    for side in sides:
        wait_until(
            partial(_is_warm, side, asked),
            "a process has near copies of everything",
            limit_seconds=20,
        )


def _is_warm(side: CellCoherence, asked: Asked) -> bool:
    assert read(side, asked) == direct(asked)
    if not side.gate.is_open:
        return False
    lasts = [side.peek(access, keys[-1]) for access, keys in asked]
    return all(last.near is NearState.STANDS for last in lasts)


def not_among(answers: Answers, *allowed: Answers) -> dict[Any, Any]:
    """Return the answers that are in none of some sets of answers."""
    return {
        (name, key): value
        for name, values in answers.items()
        for key, value in values.items()
        if all(value != one[name][key] for one in allowed)
    }


def owed() -> int:
    """Return how many outbox rows there are."""
    with connection.cursor() as cursor:
        cursor.execute(OUTBOX)
        return int(cursor.fetchone()[0])


def wait_until_disconnected(name: str) -> None:
    """Return when the database has noticed that nobody of this application name is left."""

    def is_gone() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(BACKENDS, (name,))
            return not cursor.fetchone()[0]

    wait_until(is_gone, f"the connections of '{name}' ended", limit_seconds=20)
