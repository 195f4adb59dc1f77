"""Filling: how a reader fills a cell, or waits for who does (R5 to R7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.races.checker.look_up import LookUp, Moves, reign_of
from tests.races.checker.model import (
    Cell,
    Copy,
    Kind,
    Reading,
    Reply,
    World,
    spend,
    with_cell,
    with_generation,
)
from tests.races.checker.rules import Rules

#: Names of generations begin here, those of permits below.
GENERATIONS = 10_000


@dataclass(frozen=True, kw_only=True)
class Filling(LookUp):
    """A look-up that found nothing usable."""

    # R6

    def _drops(self, world: World, me: Reading) -> Moves:
        if not world.redis.is_up:
            yield "drops in vain and loads", self._past_the_cache(world, me)
        else:
            dropped = with_cell(world, None)
            yield "drops an odd cell", self._go(dropped, me, "takes")

    def _takes(self, world: World, me: Reading) -> Iterator[tuple[str, World]]:
        redis = world.redis
        if not redis.is_up:
            yield "takes in vain and loads", self._past_the_cache(world, me)
            return
        nonce = 10 * (self.place + 1) + me.left
        permit = Cell(Kind.PERMIT, nonce, reign_of(world, self.rules))
        if redis.is_full or redis.cell is not None:
            refused = me._replace(is_short=redis.is_full)
            yield "is refused a permit", self._taken(world, refused)
        else:
            mine = me._replace(permit=permit)
            taken = with_cell(world, permit)
            yield "takes a permit", self._taken(taken, mine)
            if world.budget.time_outs and not self.rules.sent_once:
                twice = self._late(taken, permit)
                yield "takes a permit, sent twice", self._taken(twice, mine)
        if world.budget.time_outs:
            late = self._late(world, permit)
            yield "takes, times out and loads", self._past_the_cache(late, me)

    def _late(self, world: World, late: Cell | int) -> World:
        world = spend(world, "time_outs")
        return world._replace(redis=world.redis._replace(late=late))

    def _taken(self, world: World, me: Reading) -> World:
        if not self.rules.permit_first and me.permit is None:
            return self._answer(world, me, me.version)
        return self._go(world, me, "renews" if me.renews else self._onward(me))

    def _onward(self, me: Reading) -> str:
        if me.permit is None:
            return "loads" if me.is_short else "waits"
        return "loads" if self.rules.permit_first else "fills"

    # R5

    def _renews(self, world: World, me: Reading) -> Moves:
        """Set a generation with the permit: it vouches for what is read from now on."""
        if world.redis.is_up:
            after, mine = self._set(world, me)
            yield "renews the generation", self._go(after, mine, self._onward(mine))
        yield from self._sets_in_vain(world, me)

    def _renews_early(self, world: World, me: Reading) -> Moves:
        """Set it with what another entry of this look-up needed; this is read later."""
        if world.redis.is_up:
            after, mine = self._set(world, me)
            yield "renews the generation early", self._go(after, mine, "uses")

    def _renews_first(self, world: World, me: Reading) -> Moves:
        """Set it ahead of the reads in the same command, which tell what is there."""
        if world.redis.is_up:
            after, mine = self._set(world, me)
            me = me._replace(sets=mine.sets)
            yield "renews the generation", self._go(after, me, "compares")
        yield from self._sets_in_vain(world, me)

    def _renews_last(self, world: World, me: Reading) -> Moves:
        """Set it after all was read: it vouches for nothing of that."""
        assert me.copy is not None
        version = me.copy.version
        if not world.redis.is_up:
            yield "renews in vain", self._answer(world, me, version)
            return
        after, mine = self._set(world, me)
        if self.rules.fresh_vouches_onward:
            yield "renews the generation", self._answer(after, me, version)
        else:
            yield "renews the generation", self._kept(after, mine)
        if world.budget.time_outs:
            late = self._late(world, self._fresh(me))
            yield "renews, times out", self._answer(late, me, version)

    def _set(self, world: World, me: Reading) -> tuple[World, Reading]:
        """Return what comes of setting a fresh generation, for what is read after it."""
        nonce = self._fresh(me)
        me = me._replace(renews=False, sets=me.sets + 1)
        if world.redis.is_full:
            return world, me
        tag = self._tag(Reply(nonce, None, reign_of(world, self.rules)))
        return with_generation(world, nonce), me._replace(tag=tag)

    def _sets_in_vain(self, world: World, me: Reading) -> Moves:
        if not world.redis.is_up:
            yield "renews in vain and loads", self._past_the_cache(world, me)
        elif world.budget.time_outs:
            late = self._late(world, self._fresh(me))
            yield "renews, times out and loads", self._past_the_cache(late, me)

    def _fresh(self, me: Reading) -> int:
        return GENERATIONS * (me.sets + 1) + 10 * (self.place + 1) + me.left

    # R6

    def _loads(self, world: World, me: Reading) -> Moves:
        me = me._replace(version=self._committed(world, me))
        if me.permit is not None:
            yield "loads", self._go(world, me, "fills")
        elif not self.rules.permit_first:
            yield "loads without a permit", self._go(world, me, "takes")
        elif not self.rules.waiters_store_nothing:
            yield "loads without a permit", self._go(world, me, "stores")
        else:
            yield "loads without a permit", self._answer(world, me, me.version)

    def _stores(self, world: World, me: Reading) -> Moves:
        """Store without having a permit: not in the protocol."""
        nonce = 10 * (self.place + 1) + me.left
        value = Cell(Kind.VALUE, nonce, reign_of(world, self.rules), me.version)
        stored = with_cell(world, value)
        yield "stores what it loaded", self._answer(stored, me, me.version)

    # FILL

    def _fills(self, world: World, me: Reading) -> Iterator[tuple[str, World]]:
        assert me.permit is not None
        if not world.redis.is_up:
            yield "fills in vain", self._answer(world, me, me.version)
            return
        filled = fill(world, me.permit, me.version, self.rules)
        cell = filled.redis.cell
        if filled is world or cell is None:
            yield "fills, refused", self._answer(world, me, me.version)
        else:
            yield "fills", self._hit(filled, me, Copy(*cell[1:3], me.version))
        if world.budget.time_outs:
            late = Cell(Kind.VALUE, *me.permit[1:3], me.version)
            lost = self._late(world, late)
            yield "fills, times out", self._answer(lost, me, me.version)

    # R7

    def _waits(self, world: World, me: Reading) -> Iterator[tuple[str, World]]:
        cell, reign = world.redis.cell, reign_of(world, self.rules)
        if not world.redis.is_up:
            yield "waits in vain and loads", self._past_the_cache(world, me)
            return
        if self._is_usable(cell, reign):
            yield "looks again", self._judge(world, me, cell, reign)
        elif cell is not None and cell[::2] == (Kind.PERMIT, reign):
            yield "gives up waiting", self._go(world, me, "loads")
        else:
            yield "gives up waiting", self._go(world, me, "lets_go")

    def _lets_go(self, world: World, me: Reading) -> Moves:
        """Remove what was neither value nor permit, whatever is there by now."""
        if not world.redis.is_up:
            yield "drops in vain and loads", self._past_the_cache(world, me)
        else:
            dropped = with_cell(world, None)
            yield "drops an odd cell", self._go(dropped, me, "loads")


def fill(world: World, permit: Cell, version: int, rules: Rules) -> World:
    """Return what the script makes of it; the same world if it stores nothing."""
    redis = world.redis
    reign = reign_of(world, rules)
    if redis.is_full or (rules.fill_asks_server and permit.reign != reign):
        return world
    if rules.fill_compares and redis.cell != permit:
        return world
    carried = permit.reign if rules.value_has_permits_reign else reign
    return with_cell(world, Cell(Kind.VALUE, permit.nonce, carried, version))
