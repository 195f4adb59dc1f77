"""Writing: how a writer commits and forgets, and everybody else who forgets (F, O, X3).

The same two steps, the cell and then its generation, are at the heart of all four: the
writer with its hook, the sweep, the process that opens, and forget_all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from tests.races.checker.look_up import Moves
from tests.races.checker.model import (
    Gate,
    Process,
    World,
    Writing,
    complete,
    spend,
    with_actor,
    with_cell,
    with_generation,
    with_process,
)
from tests.races.checker.rules import Rules

Ways = Iterator[tuple[str, World]]

#: A generation that is *set* by a forget, which the protocol never does.
SET_BY_FORGET = 1000


@dataclass(frozen=True, kw_only=True)
class Forgetting:
    """Somebody who removes the cell and then the generation.

    Attributes:
        has_outbox: The database triggers write outbox rows.
    """

    name: str
    place: int
    rules: Rules
    has_outbox: bool = False

    def steps(self, world: World) -> Moves:
        """Return what it may do next."""
        me = cast("Writing", world.actors[self.place])
        place: Moves = getattr(self, f"_{me.at}")(world, me)
        return place

    def _forgets(self, world: World, me: Writing) -> Ways:
        yield from self._removes(world, me, is_cell=self.rules.cell_first)

    def _goes_on(self, world: World, me: Writing) -> Ways:
        yield from self._removes(world, me, is_cell=not self.rules.cell_first)

    def _removes(self, world: World, me: Writing, *, is_cell: bool) -> Ways:
        if not world.redis.is_up:
            yield "cannot forget", self._failed(world, me)
            return
        name, after = self._removed(world, is_cell=is_cell)
        if me.at == "forgets":
            yield name, self._go(after, me, "goes_on")
        else:
            yield name, self._forgotten(after, me)
        yield from self._is_killed(world, me)

    def _removed(self, world: World, *, is_cell: bool) -> tuple[str, World]:
        if is_cell:
            return "removes the cell", with_cell(world, None)
        if self.rules.generation_removed:
            return "removes the generation", with_generation(world, None)
        return "sets the generation", self._set(world)

    def _set(self, world: World) -> World:
        if world.redis.is_full:
            return world
        return with_generation(world, SET_BY_FORGET + self.place)

    def _forgotten(self, world: World, me: Writing) -> World:
        """Return what comes after the last UNLINK was acknowledged."""
        raise NotImplementedError

    def _failed(self, world: World, me: Writing) -> World:
        """Return what comes of a Redis that does not answer."""
        return self._go(self._let_go(world), me._replace(rows=()), "done")

    def _is_killed(self, world: World, me: Writing) -> Ways:
        if world.budget.kills:
            killed = spend(self._let_go(world), "kills")
            yield "is killed", with_actor(killed, self.place, self._after_a_kill())

    def _after_a_kill(self) -> Writing:
        return Writing("done")

    def _done(self, world: World, me: Writing) -> Ways:
        yield from ()

    def _go(self, world: World, me: Writing, at: str) -> World:
        return with_actor(world, self.place, me._replace(at=at))

    # Outbox rows

    def _lock(self, world: World, me: Writing, rows: tuple[int, ...], at: str) -> World:
        outbox = tuple(
            (row, self.place if row in rows else holder) for row, holder in world.outbox
        )
        return self._go(world._replace(outbox=outbox), me._replace(rows=rows), at)

    def _let_go(self, world: World) -> World:
        outbox = tuple(
            (row, -1 if holder == self.place else holder)
            for row, holder in world.outbox
        )
        return world._replace(outbox=outbox)

    def _deleted(self, world: World, rows: tuple[int, ...]) -> World:
        outbox = tuple(pair for pair in world.outbox if pair[0] not in rows)
        return world._replace(outbox=outbox)

    def _settled(self, world: World, rows: tuple[int, ...]) -> World:
        """Return the world after a COMMIT that deletes rows whose forget is complete."""
        rank = max(world.commits.index(row) for row in rows)
        return complete(self._deleted(world, rows), rank)


def free(world: World) -> tuple[int, ...]:
    """Return the outbox rows that nobody has locked."""
    return tuple(row for row, holder in world.outbox if holder < 0)


@dataclass(frozen=True, kw_only=True)
class Writer(Forgetting):
    """Someone who changes the row, once.

    Attributes:
        version: What it writes.
        process: Whose gate it closes when it cannot forget.
        forgets: It runs our code; otherwise it is psql.
        aborts: It may also roll back.
        drains: Its hook drains the outbox, too.
        has_gate: Its process may be closed.
        reader: Who looks up inside its transaction; None = nobody.
    """

    version: int
    process: int = 0
    forgets: bool = True
    aborts: bool = False
    drains: bool = False
    has_gate: bool = False
    reader: int | None = None

    def begin(self) -> Writing:
        """Return its state before its first step."""
        return Writing("writes")

    def _writes(self, world: World, me: Writing) -> Ways:
        if not world.dirty:
            at = "written" if self.rules.after_commit or not self.forgets else "forgets"
            yield "writes", self._go(world._replace(dirty=self.version), me, at)

    def _written(self, world: World, me: Writing) -> Ways:
        if self._is_reading(world):
            return
        outbox = world.outbox
        if self.has_outbox:
            outbox = (*outbox, (self.version, -1))
        commits = (*world.commits, self.version)
        written = world._replace(commits=commits, dirty=0, outbox=outbox)
        if not self.rules.after_commit:
            yield "commits", complete(self._go(written, me, "done"), len(commits) - 1)
        elif self.forgets:
            at = "hooks" if self.has_gate else "forgets"
            yield "commits", self._go(written, me, at)
        else:
            yield "commits", self._go(written, me, "done")
        if self.aborts:
            yield "rolls back", self._go(world._replace(dirty=0), me, "done")

    def _hooks(self, world: World, me: Writing) -> Ways:
        """Look whether the process is open; closed, it leaves its outbox row."""
        if world.processes[self.process].gate is Gate.OPEN:
            yield "finds its process open", self._go(world, me, "forgets")
        else:
            yield "leaves its outbox row", self._failed(world, me)

    def _is_reading(self, world: World) -> bool:
        """Whether its own look-up, inside the transaction, is under way."""
        return self.reader is not None and world.actors[self.reader].at != "asks"

    def _forgotten(self, world: World, me: Writing) -> World:
        if not self.rules.after_commit:
            return self._go(world, me, "written")
        if me.rows:
            return self._go(world, me, "deletes")
        world = complete(world, world.commits.index(self.version))
        return self._go(world, me, "drains" if self.drains else "done")

    def _drains(self, world: World, me: Writing) -> Ways:
        rows = tuple(row for row, _ in world.outbox)
        if not rows:
            yield "finds no outbox row", self._go(world, me, "done")
        elif free(world) == rows:
            yield "locks the outbox rows", self._lock(world, me, rows, "forgets")
        yield from self._is_killed(world, me)

    def _deletes(self, world: World, me: Writing) -> Ways:
        after = self._go(self._settled(world, me.rows), me._replace(rows=()), "done")
        yield "commits its drain", after
        yield from self._is_killed(world, me)

    def _failed(self, world: World, me: Writing) -> World:
        """Close the process: it must not hit what it could not forget."""
        if not me.rows:
            rank = world.commits.index(self.version)
            process = world.processes[self.process]
            owed = process._replace(floor=max(process.floor, rank))
            if self.rules.failing_closes and self._is_heeded(process):
                owed = owed._replace(gate=Gate.CLOSED)
            world = with_process(world, self.process, owed)
        return super()._failed(world, me)

    def _is_heeded(self, process: Process) -> bool:
        is_opening = process.gate is Gate.OPENING
        return self.rules.opening_heeds_closing or not is_opening


@dataclass(frozen=True, kw_only=True)
class Sweep(Forgetting):
    """Whoever forgets what the outbox still owes, again and again."""

    def begin(self) -> Writing:
        """Return its state before its first step."""
        return Writing("looks")

    def _after_a_kill(self) -> Writing:
        """Begin again: whoever starts runners starts another one."""
        return self.begin()

    def _looks(self, world: World, me: Writing) -> Ways:
        rows = free(world)
        if not world.redis.is_up:
            return
        if rows and not self.rules.commit_last:
            deleted = self._deleted(world, rows)
            gone = self._go(deleted, me, "forgets")
            yield "deletes outbox rows and commits", gone
        elif rows:
            yield "locks outbox rows", self._lock(world, me, rows, "forgets")
        elif not world.outbox:
            after = complete(world, len(world.commits) - 1)
            if after is not world:
                yield "finds no outbox row", after

    def _removes(self, world: World, me: Writing, *, is_cell: bool) -> Ways:
        yield from super()._removes(world, me, is_cell=is_cell)
        if world.budget.stops:
            yield "stops for good", self._go(spend(world, "stops"), me, "stopped")

    def _forgotten(self, world: World, me: Writing) -> World:
        return self._go(world, me, "deletes" if me.rows else "looks")

    def _deletes(self, world: World, me: Writing) -> Ways:
        after = self._settled(world, me.rows)
        yield "commits its drain", self._go(after, me._replace(rows=()), "looks")
        yield from self._is_killed(world, me)

    def _stopped(self, world: World, me: Writing) -> Ways:
        if self.rules.server_ends_drains and me.rows:
            freed = self._let_go(world)
            yield (
                "is ended by the server",
                self._go(freed, me._replace(rows=()), "done"),
            )

    def _failed(self, world: World, me: Writing) -> World:
        return self._go(self._let_go(world), me._replace(rows=()), "looks")
