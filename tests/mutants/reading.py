"""Promises of one read: what was forgotten meanwhile is never stored, nor vouched for."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from tests.mutants.world import Side, World, once, same, setting

OLD, NEW = (1,), (2,)


def load_overlaps_a_write(world: World) -> None:
    """W commits and forgets while R loads."""
    reader = world.side()
    _while_loading(world, lambda: world.write(1, NEW))

    reader.get(world.numbers.question, 1)

    world.fresh(reader, world.numbers.question, 1)


def another_fills_while_one_loads(world: World) -> None:
    """W forgets while R loads, and another reader has stored the new value."""
    reader, other = world.side(), world.side()

    def meanwhile() -> None:
        world.write(1, NEW)
        other.get(world.numbers.question, 1)

    _while_loading(world, meanwhile)

    reader.get(world.numbers.question, 1)

    world.fresh(reader, world.numbers.question, 1)


def waiter_loads_while_a_write_comes(world: World) -> None:
    """R waits out the permit of another and loads; W forgets meanwhile."""
    owner, reader = world.side(), world.side()

    def wait_out() -> None:
        _while_loading(world, lambda: world.write(1, NEW))
        reader.get(world.numbers.question, 1)

    _while_loading(world, wait_out)

    owner.get(world.numbers.question, 1)

    world.fresh(reader, world.numbers.question, 1)


def load_fails(world: World) -> None:
    """A load raises; the next reader need not wait for the permit."""

    def fail() -> None:
        raise ZeroDivisionError

    _while_loading(world, fail)
    try:
        world.side().get(world.numbers.question, 1)
    except ZeroDivisionError:
        same(world.cell(world.numbers.question, 1), None, "permit")


def garbage_heals(world: World) -> None:
    """What is in a cell is neither a value nor a permit."""
    world.client.set(world.name(world.numbers.question, 1), b"garbage")
    reader = world.side()
    reader.get(world.numbers.question, 1)
    reader.get(world.numbers.question, 1)
    cell = world.cell(world.numbers.question, 1) or b""
    same(cell[:1], b"V", "what is in the cell")


def write_between_two_commands(world: World) -> None:
    """After R's first command: W forgets, and another reader stores the new value."""
    reader, other = _with_a_cell(world), world.side()

    def meanwhile() -> None:
        world.write(1, NEW)
        other.get(world.numbers.question, 1)

    reader.store.after["read"] = once(meanwhile)

    reader.get(world.numbers.question, 1)

    world.fresh(reader, world.numbers.question, 1)


def generation_is_set_after_a_cell_was_read(world: World) -> None:
    """R has read a cell, W forgets it, and R sets the generation that was absent."""
    question = world.numbers.question
    world.numbers.rows[2] = (9,)
    reader = _with_a_cell(world)
    reader.get(question, 2)
    world.client.delete(world.generation(question))
    reader.store.after["read"] = once(lambda: world.write(1, NEW))

    reader.get_many(question, [1, 2])

    world.fresh(reader, question, 1)


def generation_cannot_be_set(world: World) -> None:
    """Memory is full: the generation stays absent, before W's forget and after it."""
    reader = _with_a_cell(world)
    world.client.delete(world.generation(world.numbers.question))
    with world.full_memory():
        reader.get(world.numbers.question, 1)
        world.write(1, NEW)
        same(reader.get(world.numbers.question, 1), NEW, "memory is full")


def own_view_in_a_transaction(world: World) -> None:
    """A transaction reads what it wrote, and is rolled back."""
    reader = world.side()
    with transaction.atomic():
        world.numbers.rows[1] = NEW
        same(reader.get(world.numbers.question, 1), NEW, "its own write")
        world.numbers.rows[1] = OLD
        transaction.set_rollback(True)

    world.fresh(reader, world.numbers.question, 1)


def own_view_of_kept_answers(world: World) -> None:
    """A transaction has written what kept answers were made of."""
    reader = _with_kept(world)
    with transaction.atomic():
        same(_kept(world, reader), None, "kept from before the write")


def own_forget_with_trust(world: World) -> None:
    """Near copies are trusted for a while, but not over a forget of one's own."""
    with setting(NEAR_MAX_STALENESS=60):
        reader = _with_kept(world)
        world.write(1, NEW, by=reader)
        same(_kept(world, reader), None, "kept from before the own forget")


def kept_answers_of_anothers_write(world: World) -> None:
    """Another process forgets what kept answers were made of."""
    reader = _with_kept(world)
    world.write(1, NEW)
    same(_kept(world, reader), None, "kept from before the write")


def kept_answers_are_made_of_standing_copies(world: World) -> None:
    """R has read a cell, W forgets it, R sets the absent generation, and keeps what it read."""
    reader = _with_a_cell(world)
    world.client.delete(world.generation(world.numbers.question))
    reader.store.after["read"] = once(lambda: world.write(1, NEW))
    look_up = reader.look_up(world.numbers.question)

    look_up.keep("answers", look_up.get_many(world.numbers.question, [1]))

    same(_kept(world, reader), None, "kept from before the write")


def empties_live_shortly(world: World) -> None:
    """What nothing applies to is asked for by sources without bound."""
    world.side().get(world.numbers.question, 404)
    life_ms = int(world.client.pttl(world.name(world.numbers.question, 404)))
    same(0 < life_ms <= 66_000, True, f"a life of {life_ms} ms")


def copies_are_compared_after_a_while(world: World) -> None:
    """A change that nothing announced is noticed in the end."""
    near = world.edition("caches.near").NearCopies()
    tag = (b"server", b"generation", b"schema")
    near.turn(tag, 0.0).values[1] = OLD
    same(near.turn(tag, 3600.0).values, {}, "copies of an hour ago")


def _while_loading(world: World, call: Callable[[], None]) -> None:
    """Make a call in the next load, between its rows and their use."""
    world.numbers.rows.setdefault(1, OLD)

    def first() -> None:
        world.numbers.on_load = lambda: None
        call()

    world.numbers.on_load = first


def _with_a_cell(world: World) -> Side:
    """Return a process that has read nothing, once another has stored the old value."""
    world.numbers.rows[1] = OLD
    world.side().get(world.numbers.question, 1)
    return world.side()


def _with_kept(world: World) -> Side:
    """Return a process that keeps an answer made of near copies."""
    reader = _with_a_cell(world)
    reader.get(world.numbers.question, 1)
    look_up = reader.look_up(world.numbers.question)
    look_up.get_many(world.numbers.question, [1])
    look_up.keep("answers", {1: OLD})
    same(_kept(world, reader), {1: OLD}, "kept")
    return reader


def _kept(world: World, reader: Side) -> object:
    return reader.look_up(world.numbers.question).kept("answers", [1])
