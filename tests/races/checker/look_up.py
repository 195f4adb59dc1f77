"""Look-up: what a reader has in hand, what it makes of a cell, and how it ends (R3, R4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from tests.races.checker.model import (
    FAILED_BACK,
    FIRST_REIGN,
    Cell,
    Copy,
    Kind,
    Reading,
    Reply,
    Tag,
    World,
    with_actor,
    with_process,
)
from tests.races.checker.rules import Rules

Moves: TypeAlias = Iterable[tuple[str, World]]


def reign_of(world: World, rules: Rules) -> int:
    """Return the incarnation of the server, as a client makes it out."""
    reign = world.redis.reign
    if reign == FAILED_BACK and not rules.reign_has_replication:
        return FIRST_REIGN
    return reign


@dataclass(frozen=True, kw_only=True)
class LookUp:
    """A look-up of the entry, some times in a row.

    Attributes:
        place: Of its state among the actors.
        process: Whose near copy it uses.
        has_threads: Others in its process read too; keeping a copy is a step then.
        asks_early: The generation was read with the first command of a larger look-up, and
            this entry is read by a later one.
        writer: In whose transaction it reads; None = in none of a writer.
        in_snapshot: It reads in a transaction that began with its first step.
        tells: Its answers are kept in the world: for replays, a search need not know.
    """

    name: str
    place: int
    process: int
    rules: Rules
    looks: int = 1
    has_threads: bool = False
    asks_early: bool = False
    writer: int | None = None
    in_snapshot: bool = False
    tells: bool = False

    # Judging

    def _tag(self, reply: Reply) -> Tag:
        if reply.generation is None:
            return None
        reign = reply.reign if self.rules.tags_have_reign else FIRST_REIGN
        return (reign, reply.generation)

    def _is_usable(self, cell: Cell | None, reign: int) -> bool:
        if cell is None or cell.kind is not Kind.VALUE:
            return False
        if self._is_inside() and self.rules.transactions_read_nothing:
            return False
        return cell.reign == reign or not self.rules.values_have_reign

    def _is_inside(self) -> bool:
        return self.in_snapshot or self.writer is not None

    def _judge(self, world: World, me: Reading, cell: Cell | None, reign: int) -> World:
        if cell is not None:
            copy = world.processes[self.process].copy
            is_same = copy is not None and copy[:2] == cell[1:3]
            is_value = is_same and cell.kind is Kind.VALUE
            if self._is_usable(cell, reign) or (
                is_value and not self.rules.usable_first
            ):
                version = copy.version if copy and is_same else cell.version
                return self._hit(world, me, Copy(*cell[1:3], version))
        if not self.rules.permit_first:
            return self._go(world, me, "loads")
        is_odd = cell is not None and cell[::2] != (Kind.PERMIT, reign)
        return self._go(world, me, "drops" if is_odd else "takes")

    def _hit(self, world: World, me: Reading, copy: Copy) -> World:
        me = me._replace(copy=copy)
        if not self.rules.generation_first:
            return self._go(world, me, "tags")
        return self._keep(world, me)

    def _keep(self, world: World, me: Reading) -> World:
        if self.has_threads:
            return self._go(world, me, "keeps")
        return self._kept(world, me)

    def _kept(self, world: World, me: Reading) -> World:
        """Keep the copy in hand, and answer with it once a generation is there again."""
        assert me.copy is not None
        process = world.processes[self.process]
        stands = process.stands
        if me.tag is not None:
            # Another thread may still hold what stood under another tag.
            others = stands if self.has_threads else ()
            others = tuple(one for one in others if one[0] != me.tag)
            stands = (*others, (me.tag, me.copy.version))
        process = process._replace(copy=me.copy, stands=stands)
        world = with_process(world, self.process, process)
        if me.renews:
            return self._go(world, me, "renews_last")
        return self._answer(world, me, me.copy.version)

    def _standing(self, world: World, tag: Tag) -> int | None:
        """Return the answer that stands under a tag, or None."""
        if tag is None:
            return None
        return dict(world.processes[self.process].stands).get(tag)

    # Answering

    def _committed(self, world: World, me: Reading) -> int:
        """Return what a query shows to it."""
        if self.writer is not None and world.dirty:
            return world.dirty
        return me.snapshot if self.in_snapshot else world.commits[-1]

    def _past_the_cache(self, world: World, me: Reading) -> World:
        return self._answer(world, me, self._committed(world, me))

    def _go(self, world: World, me: Reading, at: str) -> World:
        return with_actor(world, self.place, me._replace(at=at))

    def _answer(self, world: World, me: Reading, version: int) -> World:
        after = Reading(left=me.left - 1, snapshot=me.snapshot)
        world = with_actor(world, self.place, after)
        if self.tells:
            world = world._replace(answer=(self.name, version))
        wrong = self._wrong(world, me, version)
        return world._replace(wrong=f"{self.name}: {wrong}") if wrong else world

    def _wrong(self, world: World, me: Reading, version: int) -> str:
        """Return which promise an answer breaks, or ""."""
        if self.writer is not None and world.dirty:
            is_own = version == world.dirty
            return "" if is_own else f"C3: v{version}, not its own v{world.dirty}"
        if version not in world.commits:
            return f"C3: v{version} is not committed"
        if self.in_snapshot or world.commits.index(version) >= me.floor:
            return ""
        return f"C1: v{version} after v{world.commits[me.floor]} was complete"
