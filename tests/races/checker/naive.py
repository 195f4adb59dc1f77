"""Naive: four protocols that many caches use, and that are weaker than they look.

All read alike: a value that is there is the answer, else load and store. They differ in
what a writer does after its commit, and in when a reader may store.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from tests.races.checker.search import Step


class Naive(StrEnum):
    """What a writer does after COMMIT."""

    DELETE = "delete after commit"
    DELETE_TWICE = "delete, wait, delete again"
    COUNTER = "count up; store only if the counter is as before the load"
    WRITE_THROUGH = "set the new value"


class Reading(NamedTuple):
    """A look-up: what it loaded, and the counter before that."""

    at: str = "asks"
    floor: int = 0
    counter: int = 0
    version: int = -1
    left: int = 2


class World(NamedTuple):
    """Number of commits, the cell (a version), the counter, a reader and two writers."""

    commits: int = 0
    cell: int | None = None
    counter: int = 0
    floor: int = 0
    reading: Reading = Reading()
    writers: tuple[tuple[str, int], ...] = (("writes", 0), ("writes", 0))
    evictions: int = 1
    wrong: str = ""


class NaiveCache:
    """One reader, two writers, and an eviction of the counter."""

    def __init__(self, way: Naive) -> None:
        """Take the way of writing."""
        self.way = way

    def initial(self) -> World:
        """Return an empty cache."""
        return World()

    def steps(self, world: World) -> Iterator[tuple[Step, World]]:
        """Return what everybody may do next."""
        for name, following in self._reader(world):
            yield Step("R1", name), following
        for place, (at, version) in enumerate(world.writers):
            for name, following, then in self._writer(world, at, version):
                mine = following.commits if name == "commits" else version
                writers = list(world.writers)
                writers[place] = (then, mine)
                after = following._replace(writers=tuple(writers))
                yield Step(f"W{place + 1}", name), after
        if world.evictions and world.counter:
            lost = world._replace(counter=0, evictions=world.evictions - 1)
            yield Step("Redis", "evicts the counter"), lost

    def wrong(self, world: World) -> str:
        """Return which promise the last step has broken, or ""."""
        return world.wrong

    def stuck(self, world: World) -> str:
        """Return "": nobody owes anything."""
        return ""

    def _reader(self, world: World) -> Iterator[tuple[str, World]]:
        me = world.reading
        if me.at == "asks" and me.left:
            me = me._replace(floor=world.floor, counter=world.counter)
            if world.cell is not None:
                yield "hits", self._answer(world, me, world.cell)
            else:
                yield "misses", world._replace(reading=me._replace(at="loads"))
        elif me.at == "loads":
            loaded = me._replace(at="stores", version=world.commits)
            yield "loads", world._replace(reading=loaded)
        elif me.at == "stores":
            is_refused = self.way is Naive.COUNTER and me.counter != world.counter
            stored = world if is_refused else world._replace(cell=me.version)
            yield "stores", self._answer(stored, me, me.version)

    def _answer(self, world: World, me: Reading, version: int) -> World:
        wrong = "" if version >= me.floor else f"C1: v{version}, not v{me.floor}"
        after = Reading(left=me.left - 1)
        return world._replace(reading=after, wrong=wrong)

    def _writer(
        self, world: World, at: str, version: int
    ) -> Iterator[tuple[str, World, str]]:
        done = world._replace(floor=max(world.floor, version))
        match at, self.way:
            case "writes", _:
                yield "commits", world._replace(commits=world.commits + 1), "forgets"
            case "forgets", Naive.DELETE:
                yield "deletes", done._replace(cell=None), "done"
            case "forgets", Naive.DELETE_TWICE:
                yield "deletes", world._replace(cell=None), "again"
            case "again", _:
                yield "deletes again", done._replace(cell=None), "done"
            case "forgets", Naive.COUNTER:
                counted = world._replace(counter=world.counter + 1)
                yield "counts up", counted, "deletes"
            case "deletes", _:
                yield "deletes", done._replace(cell=None), "done"
            case "forgets", Naive.WRITE_THROUGH:
                yield "sets the new value", done._replace(cell=version), "done"
            case _:
                pass
