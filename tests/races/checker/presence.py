"""Presence: outbox ids commit out of order, and a sweep must miss none (O3).

Two writers without our code change two rows; a row's id is given when it is written, not
when it is committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.races.checker.rules import PROTOCOL, Rules
from tests.races.checker.search import Step

WRITERS: Final = 2
NONE: Final = 0


class World(NamedTuple):
    """Everything; by place of the writer, whose entry is at the same place.

    `ids` are outbox ids, 0 = not written yet; `is_owed` says that a committed outbox row is
    there; `cells` hold None or whether they show the change.
    """

    ids: tuple[int, ...] = (NONE,) * WRITERS
    is_committed: tuple[bool, ...] = (False,) * WRITERS
    is_owed: tuple[bool, ...] = (False,) * WRITERS
    is_complete: tuple[bool, ...] = (False,) * WRITERS
    cells: tuple[bool | None, ...] = (None,) * WRITERS
    last: int = NONE
    wrong: str = ""


def _put(values: tuple[bool, ...], place: int, *, value: bool) -> tuple[bool, ...]:
    return (*values[:place], value, *values[place + 1 :])


class Presence:
    """Two writers, a sweep whose step is a whole drain, a reader of both entries."""

    def __init__(self, rules: Rules = PROTOCOL) -> None:
        """Take the rules."""
        self.rules = rules

    def initial(self) -> World:
        """Return two rows that nobody has changed."""
        return World()

    def steps(self, world: World) -> Iterator[tuple[Step, World]]:
        """Return what everybody may do next."""
        for place in range(WRITERS):
            yield from self._writer(world, place)
            yield Step("R", f"looks up {'ab'[place]}"), self._look_up(world, place)
        yield from self._sweep(world)

    def wrong(self, world: World) -> str:
        """Return which promise the last step has broken, or ""."""
        return world.wrong

    def stuck(self, world: World) -> str:
        """Return "": the reader can always take a step."""
        return ""

    def _writer(self, world: World, place: int) -> Iterator[tuple[Step, World]]:
        who, ids = f"T{place + 1}", world.ids
        if ids[place] == NONE:
            mine = (*ids[:place], max(ids) + 1, *ids[place + 1 :])
            yield (
                Step(who, f"writes outbox row {max(ids) + 1}"),
                world._replace(ids=mine),
            )
        elif not world.is_committed[place]:
            done = _put(world.is_committed, place, value=True)
            owed = _put(world.is_owed, place, value=True)
            committed = world._replace(is_committed=done, is_owed=owed)
            yield Step(who, "commits, is killed"), committed

    def _look_up(self, world: World, place: int) -> World:
        cell = world.cells[place]
        if cell is None:
            shown = world.is_committed[place]
            cells = (*world.cells[:place], shown, *world.cells[place + 1 :])
            return world._replace(cells=cells)
        if world.is_complete[place] and not cell:
            wrong = f"C2: entry {'ab'[place]} is stale after a complete sweep"
            return world._replace(wrong=wrong)
        return world

    def _sweep(self, world: World) -> Iterator[tuple[Step, World]]:
        for place in range(WRITERS):
            is_new = self.rules.by_presence or world.ids[place] > world.last
            if world.is_owed[place] and is_new:
                cells = (*world.cells[:place], None, *world.cells[place + 1 :])
                swept = world._replace(
                    cells=cells,
                    is_owed=_put(world.is_owed, place, value=False),
                    is_complete=_put(world.is_complete, place, value=True),
                    last=max(world.last, world.ids[place]),
                )
                yield Step("S1", f"sweeps row {world.ids[place]}"), swept
                return
        if world.is_complete != world.is_committed:
            done = world._replace(is_complete=world.is_committed)
            yield Step("S1", "finds no outbox row"), done
