"""Others who forget: a process that opens (X3), and forget_all (F3)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.races.checker.model import (
    Gate,
    World,
    Writing,
    complete,
    with_cell,
    with_generation,
    with_process,
)
from tests.races.checker.writing import Forgetting, Ways, free


@dataclass(frozen=True, kw_only=True)
class Opening(Forgetting):
    """The look-up or hook that opens a process again: a drain of all rows it sees."""

    process: int

    def begin(self) -> Writing:
        """Return its state before its first step."""
        return Writing("rests")

    def _rests(self, world: World, me: Writing) -> Ways:
        is_closed = world.processes[self.process].gate is Gate.CLOSED
        if not is_closed or not world.redis.is_up:
            return
        if not self.rules.opening_drains:
            yield "opens at once", self._gate(world, Gate.OPEN)
            return
        rows = tuple(row for row, _ in world.outbox)
        if not self.rules.opening_waits:
            rows = free(world)
        opening = self._gate(world, Gate.OPENING)
        if not rows:
            yield "finds nothing to drain", self._go(opening, me, "opens")
        elif set(rows) <= set(free(world)):
            yield "locks the outbox rows", self._lock(opening, me, rows, "forgets")

    def _forgotten(self, world: World, me: Writing) -> World:
        return self._go(world, me, "deletes")

    def _deletes(self, world: World, me: Writing) -> Ways:
        after = self._settled(world, me.rows)
        yield "commits its drain", self._go(after, me._replace(rows=()), "opens")

    def _opens(self, world: World, me: Writing) -> Ways:
        if world.processes[self.process].gate is Gate.OPENING:
            opened = self._gate(world, Gate.OPEN)
            yield "opens", self._go(opened, me, "rests")
        else:
            yield "stays closed", self._go(world, me, "rests")

    def _failed(self, world: World, me: Writing) -> World:
        closed = self._gate(self._let_go(world), Gate.CLOSED)
        return self._go(closed, me._replace(rows=()), "rests")

    def _gate(self, world: World, gate: Gate) -> World:
        process = world.processes[self.process]._replace(gate=gate)
        return with_process(world, self.process, process)


@dataclass(frozen=True, kw_only=True)
class ForgetAll(Forgetting):
    """Forgets every entry of the access: what changed before was seen by nobody.

    A scan returns every name that was there from its begin to the moment it gets there; a
    name that was away meanwhile it may return or not.
    """

    def begin(self) -> Writing:
        """Return its state before its first step."""
        return Writing("scans")

    def _scans(self, world: World, me: Writing) -> Ways:
        is_there = world.redis.cell is not None
        me = me._replace(since=len(world.commits) - 1, sees_cell=is_there)
        last = self.rules.generations_last
        yield "begins to scan", self._go(world, me, "visits" if last else "hurries")

    def _hurries(self, world: World, me: Writing) -> Ways:
        """Remove the generation before the scan gets to the cell: not in the protocol."""
        gone = with_generation(world, None)
        yield "removes the generation", self._go(gone, me, "visits")

    def _visits(self, world: World, me: Writing) -> Ways:
        if world.redis.cell is not None:
            yield "finds the cell", self._go(world, me, "unlinks")
        if not me.sees_cell:
            yield "does not find the cell", self._scanned(world, me)

    def _unlinks(self, world: World, me: Writing) -> Ways:
        yield "removes the cell", self._scanned(with_cell(world, None), me)

    def _scanned(self, world: World, me: Writing) -> World:
        if self.rules.generations_last:
            return self._go(world, me._replace(sees_cell=False), "ends")
        return self._returned(world, me)

    def _ends(self, world: World, me: Writing) -> Ways:
        yield "removes the generation", self._returned(with_generation(world, None), me)

    def _returned(self, world: World, me: Writing) -> World:
        return complete(self._go(world, Writing("done"), "done"), me.since)
