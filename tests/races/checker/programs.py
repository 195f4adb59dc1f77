"""Programs: how a reader answers for the entry, one atomic step after another.

Each method named after a place in the program yields every step that is possible from
there. A step is one command to Redis or one statement to the database; what touches
nothing but the reader itself is joined to the step before it: nobody could tell.

To learn the protocol, read `Reader` here (R1, R2, R4), then `look_up` (what a cell is worth),
`filling` (R5 to R7), `writing` (F, O) and `others` (X3, F3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from tests.races.checker.filling import Filling
from tests.races.checker.look_up import Moves, reign_of
from tests.races.checker.model import (
    Gate,
    Process,
    Reading,
    Reply,
    World,
    spend,
    with_actor,
    with_process,
)


@dataclass(frozen=True, kw_only=True)
class Reader(Filling):
    """A reader and the places of its program."""

    def begin(self) -> Reading:
        """Return its state before its first step."""
        return Reading(at="begins" if self.in_snapshot else "asks", left=self.looks)

    def steps(self, world: World) -> Moves:
        """Return what it may do next."""
        me = cast("Reading", world.actors[self.place])
        if not me.left:
            return ()
        place: Moves = getattr(self, f"_{me.at}")(world, me)
        return place

    # R1

    def _begins(self, world: World, me: Reading) -> Moves:
        seen = me._replace(at="asks", snapshot=world.commits[-1])
        yield "begins a transaction", with_actor(world, self.place, seen)

    def _is_away(self, world: World) -> bool:
        """Whether the transaction it reads in is not open."""
        if self.writer is None:
            return False
        return world.actors[self.writer].at != "written"

    def _passes_by(self) -> bool:
        rules = self.rules
        is_kept = rules.transactions_read_nothing and rules.transactions_store_nothing
        return is_kept and self._is_inside()

    # R2, R4

    def _asks(self, world: World, me: Reading) -> Iterator[tuple[str, World]]:
        process = world.processes[self.process]
        me = me._replace(floor=process.floor)
        if self._is_away(world):
            return
        if self._passes_by():
            version = self._committed(world, me)
            yield "loads in its transaction", self._answer(world, me, version)
        elif process.gate is not Gate.OPEN:
            version = self._committed(world, me)
            yield "loads, being closed", self._answer(world, me, version)
        elif not world.redis.is_up:
            yield "asks in vain and loads", self._past_the_cache(world, me)
        else:
            yield from self._asks_redis(world, me, process)
        if not self.rules.loads_are_not_joined:
            yield from self._joins(world, me)

    def _asks_redis(
        self, world: World, me: Reading, process: Process
    ) -> Iterator[tuple[str, World]]:
        redis = world.redis
        reply = Reply(redis.generation, redis.cell, reign_of(world, self.rules))
        if process.pending is not None:
            reply, process = process.pending, process._replace(pending=None)
            world = with_process(world, self.process, process)
        yield "asks", self._look(world, me, reply)
        if world.budget.time_outs:
            late = spend(world, "time_outs")
            if not self.rules.closes_after_time_out:
                kept = process._replace(pending=reply)
                late = with_process(late, self.process, kept)
            yield "asks, times out and loads", self._past_the_cache(late, me)

    def _look(self, world: World, me: Reading, reply: Reply) -> World:
        me = me._replace(tag=self._tag(reply), renews=reply.generation is None)
        if self.asks_early:
            return self._go(world, me, "uses")
        if world.processes[self.process].copy is None:
            return self._judge(world, me, reply.cell, reply.reign)
        version = self._standing(world, me.tag)
        if version is not None:
            return self._answer(world, me, version)
        return self._go(world, me, "renews_first" if me.renews else "compares")

    def _uses(self, world: World, me: Reading) -> Moves:
        """Use a copy under the generation of an earlier command of this look-up.

        If that showed none, either the rest of the earlier work or this sets a fresh one.
        """
        version = self._standing(world, me.tag)
        if version is not None:
            yield "uses its copy", self._answer(world, me, version)
        elif me.renews:
            yield from self._renews_early(world, me)
            yield from self._renews_first(world, me)
        else:
            yield from self._compares(world, me)

    def _compares(self, world: World, me: Reading) -> Moves:
        """Read the cell, and with it a generation that this command has set (R5)."""
        redis = world.redis
        if not redis.is_up:
            yield "compares in vain and loads", self._past_the_cache(world, me)
            return
        reign = reign_of(world, self.rules)
        if me.renews:
            tag = self._tag(Reply(redis.generation, None, reign))
            me = me._replace(tag=tag, renews=redis.generation is None)
        yield "compares", self._judge(world, me, redis.cell, reign)

    # Steps apart, where others could tell

    def _keeps(self, world: World, me: Reading) -> Moves:
        yield "keeps a copy", self._kept(world, me)

    def _tags(self, world: World, me: Reading) -> Moves:
        """Ask for the generation after what it is to vouch for: not in the protocol."""
        reply = Reply(world.redis.generation, None, reign_of(world, self.rules))
        me = me._replace(tag=self._tag(reply))
        yield "asks for the generation only now", self._keep(world, me)

    def _joins(self, world: World, me: Reading) -> Moves:
        """Answer with what another thread has loaded: not in the protocol."""
        for other in world.actors:
            if isinstance(other, Reading) and other.at == "fills":
                yield "joins a load", self._answer(world, me, other.version)
