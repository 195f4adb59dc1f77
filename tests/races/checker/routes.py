"""Routes: a row that moves from entry to entry, and what a hook must drain (O3).

The row says which of three entries it belongs to. Writers know the row they read before
their update; the outbox knows the row they really changed. Filling is one step here: that
it is safe is what the model of one entry shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.races.checker.rules import PROTOCOL, Rules
from tests.races.checker.search import Step

#: W1 makes it route D, W2 makes it C; it begins as B.
ROUTES: Final = ("B", "C", "D")
WISHES: Final = (2, 1)
NOBODY: Final = -1


class Row(NamedTuple):
    """An outbox row: the commit it belongs to, the images, who has locked it."""

    rank: int
    images: frozenset[int]
    holder: int


class Actor(NamedTuple):
    """A writer or the sweep."""

    at: str
    seen: int = NOBODY
    rank: int = NOBODY
    rows: tuple[int, ...] = ()


class World(NamedTuple):
    """The row at every commit, who has it locked, entries by the commit they show."""

    history: tuple[int, ...] = (0,)
    locked_by: int = NOBODY
    outbox: tuple[Row, ...] = ()
    cells: tuple[int, ...] = (NOBODY,) * len(ROUTES)
    changed: tuple[frozenset[int], ...] = (frozenset(),)
    complete: frozenset[int] = frozenset()
    actors: tuple[Actor, ...] = (Actor("reads"), Actor("reads"), Actor("looks"))
    wrong: str = ""


Ways = Iterator[tuple[str, World]]


def _with(world: World, place: int, actor: Actor) -> World:
    actors = (*world.actors[:place], actor, *world.actors[place + 1 :])
    return world._replace(actors=actors)


def _forget(world: World, routes: frozenset[int]) -> World:
    cells = [
        NOBODY if route in routes else rank for route, rank in enumerate(world.cells)
    ]
    return world._replace(cells=tuple(cells))


def _lock(world: World, place: int, rows: tuple[int, ...], me: Actor) -> World:
    outbox = [
        row._replace(holder=place) if row.rank in rows else row for row in world.outbox
    ]
    return _with(world._replace(outbox=tuple(outbox)), place, me._replace(rows=rows))


def _delete(world: World, rows: tuple[int, ...]) -> World:
    outbox = tuple(row for row in world.outbox if row.rank not in rows)
    return world._replace(outbox=outbox, complete=world.complete.union(rows))


def _images(world: World, rows: tuple[int, ...]) -> frozenset[int]:
    every = (row.images for row in world.outbox if row.rank in rows)
    return frozenset().union(*every)


class Routes:
    """Two writers, a sweep, and a reader that may look up any entry at any time."""

    def __init__(self, rules: Rules = PROTOCOL) -> None:
        """Take the rules."""
        self.rules = rules

    def initial(self) -> World:
        """Return the row on route B and no entry."""
        return World()

    def steps(self, world: World) -> Iterator[tuple[Step, World]]:
        """Return what everybody may do next."""
        for route, name in enumerate(ROUTES):
            yield Step("R", f"looks up {name}"), self._look_up(world, route)
        for place, actor in enumerate(world.actors):
            who = "S1" if place == len(WISHES) else f"W{place + 1}"
            ways: Ways = getattr(self, f"_{actor.at}")(world, place, actor)
            for name, following in ways:
                yield Step(who, name), following

    def wrong(self, world: World) -> str:
        """Return which promise the last step has broken, or ""."""
        return world.wrong

    def stuck(self, world: World) -> str:
        """Return "": the reader can always take a step."""
        return ""

    def _look_up(self, world: World, route: int) -> World:
        rank = world.cells[route]
        if rank == NOBODY:
            now = len(world.history) - 1
            cells = (*world.cells[:route], now, *world.cells[route + 1 :])
            return world._replace(cells=cells)
        answer = world.history[rank] == route
        for since in world.complete:
            is_spoiled = since > rank and route in world.changed[since]
            later = {now == route for now in world.history[since:]}
            if is_spoiled and answer not in later:
                wrong = f"C1: route {ROUTES[route]} from before commit {since}"
                return world._replace(wrong=wrong)
        return world

    # A writer and its hook

    def _reads(self, world: World, place: int, me: Actor) -> Ways:
        seen = me._replace(at="updates", seen=world.history[-1])
        yield "reads the old row", _with(world, place, seen)

    def _updates(self, world: World, place: int, me: Actor) -> Ways:
        if world.locked_by == NOBODY:
            locked = world._replace(locked_by=place)
            yield "updates", _with(locked, place, me._replace(at="commits"))

    def _commits(self, world: World, place: int, me: Actor) -> Ways:
        rank, wish = len(world.history), WISHES[place]
        images = frozenset({world.history[-1], wish})
        committed = world._replace(
            history=(*world.history, wish),
            locked_by=NOBODY,
            outbox=(*world.outbox, Row(rank, images, NOBODY)),
            changed=(*world.changed, images),
        )
        after = me._replace(at="forgets", rank=rank)
        yield "commits", _with(committed, place, after)

    def _forgets(self, world: World, place: int, me: Actor) -> Ways:
        known = frozenset({me.seen, WISHES[place]})
        at = "drains" if self.rules.hook_drains else "returns"
        after = _with(_forget(world, known), place, me._replace(at=at))
        yield "forgets what it knows", after

    def _drains(self, world: World, place: int, me: Actor) -> Ways:
        rows = tuple(row.rank for row in world.outbox if row.holder == NOBODY)
        is_all = len(rows) == len(world.outbox)
        if not rows and (is_all or not self.rules.hook_waits):
            after = _with(world, place, me._replace(at="returns"))
            yield "finds no outbox row", after
        elif is_all or not self.rules.hook_waits:
            locked = _lock(world, place, rows, me._replace(at="images"))
            yield "locks outbox rows", locked

    def _images(self, world: World, place: int, me: Actor) -> Ways:
        after = _forget(world, _images(world, me.rows))
        yield "forgets their images", _with(after, place, me._replace(at="deletes"))

    def _deletes(self, world: World, place: int, me: Actor) -> Ways:
        is_sweep = place == len(WISHES)
        after = me._replace(at="looks" if is_sweep else "returns", rows=())
        yield "commits its drain", _with(_delete(world, me.rows), place, after)

    def _returns(self, world: World, place: int, me: Actor) -> Ways:
        complete = world.complete | {me.rank}
        yield (
            "returns",
            _with(world._replace(complete=complete), place, Actor("done")),
        )

    def _done(self, world: World, place: int, me: Actor) -> Ways:
        yield from ()

    # The sweep

    def _looks(self, world: World, place: int, me: Actor) -> Ways:
        rows = tuple(row.rank for row in world.outbox if row.holder == NOBODY)
        if rows:
            locked = _lock(world, place, rows, me._replace(at="images"))
            yield "locks outbox rows", locked
