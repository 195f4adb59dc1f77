"""Promises of the gate: what a process could not forget it never answers from the cache."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import Any

from django.db import DatabaseError, connection

from tests.factories import DetectorFactory
from tests.models.outbox import run
from tests.mutants.owing import MOVE, A, B, C, D, sweeping, write_both
from tests.mutants.world import World, once, same, setting
from tests.queue.threads import LIMIT_SECONDS, elsewhere
from workflow_engine.exceptions import CacheUnavailable


def process_starts_while_something_is_owed(world: World) -> None:
    """A writer died before its forget; a process that starts now reads."""
    detector = DetectorFactory(source=A)
    world.side().get_many(world.by_source, [A, B])
    run(MOVE, B, detector.pk)

    world.fresh(world.side(opens=False), world.by_source, A, B)


def process_starts_while_a_sweep_forgets(world: World) -> None:
    """The same, and a sweep has taken the row and not forgotten yet."""
    detector = DetectorFactory(source=A)
    sweeper, started = world.side(), world.side(opens=False)
    sweeper.get_many(world.by_source, [A, B])
    run(MOVE, B, detector.pk)
    with sweeping(sweeper) as begin:
        begin()
        _same_as_loaded(world, started, A, B)


def commit_cannot_forget(world: World) -> None:
    """W's forget fails; the server is back at once, and W reads."""
    detector = DetectorFactory(source=A)
    world.writer.get_many(world.by_source, [A, B])
    world.writer.store.before["unlink"] = once(_time_out)
    detector.source = B
    with world.heard():
        detector.save()

    _same_as_loaded(world, world.writer, A, B)


def commit_is_interrupted(world: World) -> None:
    """The same, where something is raised that the cache knows nothing of."""
    detector = DetectorFactory(source=A)
    world.writer.get_many(world.by_source, [A, B])
    world.writer.store.before["unlink"] = once(_interrupt)
    detector.source = B
    with world.heard():
        detector.save()

    _same_as_loaded(world, world.writer, A, B)


def commit_loses_the_database(world: World) -> None:
    """What Python knows is forgotten, and the drain of the rest fails."""
    known, unknown = DetectorFactory(source=A), DetectorFactory(source=B)
    world.writer.get_many(world.by_source, [A, B, C, D])
    with world.heard(), ExitStack() as failing:
        world.writer.store.after["unlink"] = once(
            lambda: failing.enter_context(connection.execute_wrapper(_refuse_to_drain))
        )
        write_both(known, unknown)

    _same_as_loaded(world, world.writer, A, B, C, D)


def commit_cannot_forget_what_was_kept(world: World) -> None:
    """The same, where answers were kept."""
    detector = DetectorFactory(source=A)
    for _ in range(3):
        look_up = world.writer.look_up(world.by_source)
        look_up.keep("answers", look_up.get_many(world.by_source, [A]))
    world.writer.store.before["unlink"] = once(_time_out)
    detector.source = B
    with world.heard():
        detector.save()

    kept = world.writer.look_up(world.by_source).kept("answers", [A])
    same(kept, None, "kept from before the own write")


def trust_ends_with_an_own_forget_that_failed(world: World) -> None:
    """W trusts its copies for a while and cannot forget; a sweep does; W opens again."""
    breaker = {"errors": 3, "retry_seconds": 0}
    with setting(NEAR_MAX_STALENESS=60, CACHE_BREAKER=breaker):
        detector = DetectorFactory(source=A)
        sweeper = world.side()
        for _ in range(3):
            world.writer.get(world.by_source, A)
        world.writer.store.before["unlink"] = once(_time_out)
        detector.source = B
        with world.heard():
            detector.save()
        sweeper.coherence.sweep()

        _same_as_loaded(world, world.writer, A)


def hand_is_interrupted(world: World) -> None:
    """A forget by hand ends before it is complete."""
    world.numbers.rows[1] = (1,)
    world.writer.get(world.numbers.question, 1)
    world.writer.store.before["unlink"] = once(_interrupt)
    with suppress(ZeroDivisionError):
        world.write(1, (2,))
    same(world.writer.get(world.numbers.question, 1), (2,), "own look-up")


def hand_cannot_forget(world: World) -> None:
    """The same for a forget by hand, of which its caller is told."""
    world.numbers.rows[1] = (1,)
    world.writer.get(world.numbers.question, 1)
    world.writer.store.before["unlink"] = once(_time_out)
    with suppress(CacheUnavailable):
        world.write(1, (2,))
    same(world.writer.get(world.numbers.question, 1), (2,), "own look-up")


def commit_while_opening(world: World, *, fails: bool = False) -> None:
    """A process opens and has seen what is owed; then its own commit owes more."""
    detector, other = DetectorFactory(source=A), DetectorFactory(source=C)
    world.side().get_many(world.by_source, [A, B, C, D])
    run(MOVE, D, other.pk)
    opening = world.side(opens=False)

    def save() -> None:
        world.write_as(opening)
        if fails:
            opening.store.before["unlink"] = once(_time_out)
        detector.source = B
        detector.save()

    opening.store.after["unlink"] = once(lambda: elsewhere(save).result(LIMIT_SECONDS))
    with world.heard():
        opening.coherence.gate.passes()

    _same_as_loaded(world, opening, A, B)


def commit_fails_while_opening(world: World) -> None:
    """The same, and that commit cannot forget what it owes."""
    commit_while_opening(world, fails=True)


def forget_by_hand_while_opening(world: World) -> None:
    """The same for a forget by hand."""
    other = DetectorFactory(source=C)
    world.numbers.rows[1] = (1,)
    world.side().get(world.numbers.question, 1)
    run(MOVE, D, other.pk)
    opening = world.side(opens=False)

    def forget() -> None:
        with suppress(CacheUnavailable):
            world.write(1, (2,), by=opening)

    opening.store.after["unlink"] = once(forget)
    opening.coherence.gate.passes()

    same(opening.get(world.numbers.question, 1), (2,), "own look-up")


def _same_as_loaded(world: World, side: Any, *sources: str) -> None:
    for source in sources:
        expected = world.by_source.load([source])[source]
        same(side.get(world.by_source, source), expected, source)


def _interrupt() -> None:
    raise ZeroDivisionError


def _refuse_to_drain(execute: Any, sql: str, *args: Any) -> Any:
    if sql.startswith("SET TRANSACTION"):
        raise DatabaseError("the connection is lost")
    return execute(sql, *args)


def _time_out() -> None:
    raise CacheUnavailable("timeout", "no answer")
