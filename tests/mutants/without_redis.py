"""Promises of the process store: without Redis, one number vouches for every entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from tests.factories import DetectorFactory
from tests.models.outbox import run
from tests.mutants.owing import MOVE, A, B
from tests.mutants.world import World, same
from workflow_engine.caches.entries import Entries


def number_before_entries(world: World) -> None:
    """Without Redis: W commits between R's two queries."""
    detector, rows = DetectorFactory(source=A), world.rows()
    with _in_load(world, lambda: run(MOVE, B, detector.pk)):
        _read_rows(world, rows, A)

    same(_read_rows(world, rows, A), (), "without Redis")


def number_is_missing(world: World) -> None:
    """Without Redis: the number is gone, before a look-up and again before the next."""
    detector, rows = DetectorFactory(source=A), world.rows()
    gone = "DELETE FROM workflow_engine_cachegeneration"
    run(gone)
    _read_rows(world, rows, A)
    run(MOVE, B, detector.pk)
    run(gone)

    same(_read_rows(world, rows, A), (), "without Redis")


def forget_by_hand_without_redis(world: World) -> None:
    """Without Redis: another process forgets what no row says."""
    mine, other = world.rows(), world.rows()
    question = world.numbers.question
    world.numbers.rows[1] = (1,)
    for rows in (mine, other):
        rows.read(question, [1], rows.moment((question,)))
    world.numbers.rows[1] = (2,)
    entries = Entries()
    entries.add(question, [1])
    mine.forget(entries, "hand")

    found = other.read(question, [1], other.moment((question,)))
    same(found, {1: (2,)}, "without Redis")


def _read_rows(world: World, rows: Any, key: str) -> Any:
    return rows.read(world.by_source, [key], rows.moment((world.by_source,)))[key]


@contextmanager
def _in_load(world: World, call: Callable[[], object]) -> Iterator[None]:
    """Make a call after the next SELECT on detectors."""
    left = [call]

    def execute(ask: Any, sql: str, *args: Any) -> Any:
        reply = ask(sql, *args)
        if left and sql.startswith("SELECT") and "_detector" in sql:
            left.pop()()
        return reply

    with connection.execute_wrapper(execute):
        yield
    if left:
        raise RuntimeError("nothing was loaded")
