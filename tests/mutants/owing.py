"""Promises of what is still owed: the outbox, and who takes its rows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any

from django.db import transaction

from tests.caches.gates import Gate
from tests.factories import DetectorFactory
from tests.models.outbox import asked, run
from tests.mutants.world import Side, World, once, same
from tests.queue.threads import LIMIT_SECONDS, elsewhere
from tests.waiting import wait_until
from workflow_engine.models import Detector

A, B, C, D = "/a", "/b", "/c", "/d"

MOVE = "UPDATE workflow_engine_detector SET source = %s WHERE id = %s"


class _Killed(BaseException):
    """A process ends here."""


def sweeper_is_killed(world: World) -> None:
    """A sweep that has taken rows ends before its forget; the next one finds them."""
    detector, reader = DetectorFactory(source=A), world.side()
    reader.get_many(world.by_source, [A, B])
    first, second = world.side(), world.side()
    run(MOVE, B, detector.pk)
    first.store.before["unlink"] = once(_kill)

    with suppress(_Killed):
        first.coherence.sweep()
    second.coherence.sweep()

    world.fresh(reader, world.by_source, A, B)


def ids_commit_out_of_order(world: World) -> None:
    """The later row commits first and is swept; the earlier one comes after."""
    one, two = DetectorFactory(source=A), DetectorFactory(source=B)
    reader, sweeper = world.side(), world.side()
    reader.get_many(world.by_source, [A, B, C, D])
    is_written, may_commit = threading.Event(), threading.Event()

    def write_early() -> None:
        with transaction.atomic():
            run(MOVE, C, one.pk)
            is_written.set()
            assert may_commit.wait(LIMIT_SECONDS)

    early = elsewhere(write_early)
    assert is_written.wait(LIMIT_SECONDS)
    run(MOVE, D, two.pk)
    sweeper.coherence.sweep()
    may_commit.set()
    early.result(LIMIT_SECONDS)
    sweeper.coherence.sweep()

    world.fresh(reader, world.by_source, A, B, C, D)


def drain_hangs(world: World) -> None:
    """A drain says nothing for too long: others get its rows."""
    detector = DetectorFactory(source=A)
    run(MOVE, B, detector.pk)
    drain = world.edition("caches.outbox").drain
    gate = Gate("a drain that hangs forgets")
    forgotten: list[Any] = []
    hanging = elsewhere(
        lambda: drain(
            "default",
            world.declared,
            lambda _: gate(),
            waits=False,
            seconds=5,
            idle_seconds=0.1,
        )
    )
    gate.wait_until_reached()
    drained = drain(
        "default", world.declared, forgotten.append, waits=True, seconds=1.5
    )
    gate.open()
    with suppress(Exception):
        hanging.result(LIMIT_SECONDS)

    same((drained.is_complete, len(forgotten)), (True, 1), "what another drain took")


def sql_in_a_transaction_with_a_hook(world: World) -> None:
    """Python knows of one row; SQL in the same transaction has changed another."""
    known, unknown = DetectorFactory(source=A), DetectorFactory(source=B)
    reader = world.side()
    reader.get_many(world.by_source, [A, B, C, D])
    with world.heard():
        write_both(known, unknown)

    world.fresh(reader, world.by_source, A, B, C, D)


def sweep_holds_the_row_of_a_commit(world: World) -> None:
    """The same, and a sweep has taken the row and not forgotten yet."""
    known, unknown = DetectorFactory(source=A), DetectorFactory(source=B)
    reader, sweeper = world.side(), world.side()
    reader.get_many(world.by_source, [A, B, C, D])
    with world.heard(), sweeping(sweeper) as begin:
        world.writer.store.before["unlink"] = once(begin)
        write_both(known, unknown)
        world.fresh(reader, world.by_source, A, B, C, D)


def write_both(known: Detector, unknown: Detector) -> None:
    with transaction.atomic():
        known.source = C
        known.save()
        run(MOVE, D, unknown.pk)


@contextmanager
def sweeping(sweeper: Side) -> Iterator[Callable[[], None]]:
    """Yield what begins a sweep elsewhere, up to its forget.

    It goes on when a connection waits for its rows, or at the end.
    """
    gate = sweeper.store.before["unlink"] = Gate("the sweep forgets")
    is_over = threading.Event()
    begun: list[Future[Any]] = []

    def begin() -> None:
        begun.append(elsewhere(sweeper.coherence.sweep))
        gate.wait_until_reached()

    def let_go() -> None:
        wait_until(
            lambda: is_over.is_set() or somebody_waits(),
            "a connection waited for rows of the sweep",
            limit_seconds=LIMIT_SECONDS,
        )
        gate.open()

    letting_go = elsewhere(let_go)
    try:
        yield begin
    finally:
        is_over.set()
        for one in (letting_go, *begun):
            one.result(LIMIT_SECONDS)


def somebody_waits() -> bool:
    return bool(asked("SELECT count(*) FROM pg_locks WHERE NOT granted"))


def _kill() -> None:
    raise _Killed
