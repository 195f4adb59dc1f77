"""Environment: what happens to servers and processes without anybody asking for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.races.checker.filling import fill
from tests.races.checker.model import (
    FAILED_BACK,
    FAILED_OVER,
    RESTARTED,
    Gate,
    Kind,
    Process,
    Reading,
    World,
    spend,
    with_actor,
    with_cell,
    with_generation,
    with_process,
)
from tests.races.checker.programs import Reader
from tests.races.checker.rules import Rules

Ways = Iterator[tuple[str, World]]


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Events, each as often as the budget of the world allows."""

    rules: Rules
    readers: tuple[Reader, ...]

    def steps(self, world: World) -> Ways:
        """Return every event that may happen now."""
        if world.budget.evictions or world.budget.expiries:
            yield from self._loses_cell(world)
        if world.budget.generation_evictions and world.redis.generation is not None:
            lost = with_generation(world, None)
            yield "evicts the generation", spend(lost, "generation_evictions")
        yield from self._memory(world)
        yield from self._snapshot(world)
        yield from self._failover(world)
        yield from self._outage(world)
        if world.redis.late is not None:
            yield "gets a late command", self._arrives(world)
        if world.budget.process_restarts:
            yield "process 0 is restarted", self._restarted(world)

    def _loses_cell(self, world: World) -> Ways:
        cell = world.redis.cell
        if cell is None:
            return
        if world.budget.evictions:
            yield "evicts the cell", spend(with_cell(world, None), "evictions")
        if world.budget.expiries and cell.kind is Kind.PERMIT:
            yield "lets the permit expire", spend(with_cell(world, None), "expiries")

    def _memory(self, world: World) -> Ways:
        redis = world.redis
        if redis.is_full:
            yield "has room again", world._replace(redis=redis._replace(is_full=False))
        elif world.budget.fillings_up:
            full = world._replace(redis=redis._replace(is_full=True))
            yield "is full", spend(full, "fillings_up")

    def _snapshot(self, world: World) -> Ways:
        redis = world.redis
        if world.budget.snapshots:
            saved = redis._replace(saved=(redis.cell, redis.generation))
            yield "saves a snapshot", spend(world._replace(redis=saved), "snapshots")
        if world.budget.restarts and redis.saved is not None:
            back = self._loaded(world)
            back = back._replace(redis=back.redis._replace(reign=RESTARTED))
            yield "restarts from the snapshot", spend(back, "restarts")

    def _loaded(self, world: World) -> World:
        assert world.redis.saved is not None
        cell, generation = world.redis.saved
        world = with_cell(world, None)  # whatever is there now was away
        return with_cell(with_generation(world, generation), cell)

    def _failover(self, world: World) -> Ways:
        """Promote a replica that lags, and later the old primary, which copied it."""
        redis, budget = world.redis, world.budget
        if budget.failovers and redis.saved is not None and redis.reign != FAILED_OVER:
            over = self._loaded(world)
            over = over._replace(redis=over.redis._replace(reign=FAILED_OVER))
            yield "fails over to the replica", spend(over, "failovers")
        if budget.failovers and redis.reign == FAILED_OVER:
            back = world._replace(redis=redis._replace(reign=FAILED_BACK))
            yield "fails back", spend(back, "failovers")

    def _outage(self, world: World) -> Ways:
        redis = world.redis
        if not redis.is_up:
            yield "is back", world._replace(redis=redis._replace(is_up=True))
        elif world.budget.outages:
            away = world._replace(redis=redis._replace(is_up=False))
            yield "goes away", spend(away, "outages")

    def _arrives(self, world: World) -> World:
        """Execute a command whose client has long stopped waiting for it."""
        redis = world.redis
        late = redis.late
        assert late is not None
        world = world._replace(redis=redis._replace(late=None))
        if isinstance(late, int):
            return world if redis.is_full else with_generation(world, late)
        if late.kind is Kind.VALUE:
            permit = late._replace(kind=Kind.PERMIT, version=-1)
            return fill(world, permit, late.version, self.rules)
        if redis.cell is None and not redis.is_full:
            return with_cell(world, late)
        return world

    def _restarted(self, world: World) -> World:
        """Start process 0 anew: it has no copy, and its look-ups are gone."""
        gate = Gate.CLOSED if self.rules.starts_closed else Gate.OPEN
        fresh = Process(gate=gate, floor=world.processes[0].floor)
        world = spend(with_process(world, 0, fresh), "process_restarts")
        for reader in self.readers:
            actor = world.actors[reader.place]
            if reader.process == 0 and isinstance(actor, Reading):
                ended = Reading(left=max(0, actor.left - (actor.at != "asks")))
                world = with_actor(world, reader.place, ended)
        return world
