"""Resolving: which entries a changed row spoils, where that takes a query (two rows).

T1 changes a parent (renames an environment, edits an action); T2 links the parent to a
child or unlinks it. The entry of the child shows the parent's version if they are linked.
T1 must ask which children there are; when it asks decides what it forgets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.races.checker.rules import PROTOCOL, Rules
from tests.races.checker.search import Step


class Rows(NamedTuple):
    """The two rows as a query sees them, or as one moment of history."""

    parent: int
    is_linked: bool

    @property
    def shown(self) -> int | None:
        """What the child's entry shows."""
        return self.parent if self.is_linked else None


class World(NamedTuple):
    """All moments of the database, the entry by the moment it shows, and two writers."""

    history: tuple[Rows, ...]
    cell: int | None = None
    t1: str = "writes"
    t2: str = "writes"
    spoiled: bool = False
    ranks: tuple[int, int] = (0, 0)
    complete: tuple[bool, bool] = (False, False)
    wrong: str = ""


class Resolving:
    """T1, T2, and a reader of the child's entry."""

    def __init__(self, rules: Rules = PROTOCOL, *, begins_linked: bool) -> None:
        """Link parent and child at first, for T2 to unlink them; or the reverse."""
        self.rules = rules
        self.begins_linked = begins_linked

    def initial(self) -> World:
        """Return the two rows as they begin."""
        return World(history=(Rows(0, self.begins_linked),))

    def steps(self, world: World) -> Iterator[tuple[Step, World]]:
        """Return what everybody may do next."""
        yield Step("R", "looks up"), self._look_up(world)
        for name, following in self._t1(world):
            yield Step("T1", name), following
        for name, following in self._t2(world):
            yield Step("T2", name), following

    def wrong(self, world: World) -> str:
        """Return which promise the last step has broken, or ""."""
        return world.wrong

    def stuck(self, world: World) -> str:
        """Return "": the reader can always take a step."""
        return ""

    def _look_up(self, world: World) -> World:
        if world.cell is None:
            return world._replace(cell=len(world.history) - 1)
        answer = world.history[world.cell].shown
        for rank, is_complete in zip(world.ranks, world.complete, strict=True):
            later = {rows.shown for rows in world.history[rank:]}
            is_owed = is_complete and world.cell < rank and self._spoiled(world, rank)
            if is_owed and answer not in later:
                wrong = f"C1: the entry is from before commit {rank}"
                return world._replace(wrong=wrong)
        return world

    def _spoiled(self, world: World, rank: int) -> bool:
        """Whether a commit changed the entry; one that did not owes it nothing."""
        before, after = world.history[rank - 1 : rank + 1]
        return before.shown != after.shown

    def _commit(self, world: World, rows: Rows) -> World:
        return world._replace(history=(*world.history, rows))

    def _t1(self, world: World) -> Iterator[tuple[str, World]]:
        now = world.history[-1]
        match world.t1:
            case "writes":
                spoiled = self.rules.resolved_before and now.is_linked
                yield (
                    "changes the parent",
                    world._replace(t1="commits", spoiled=spoiled),
                )
            case "commits":
                ranks = (len(world.history), world.ranks[1])
                after = self._commit(world, now._replace(parent=1))
                yield "commits", after._replace(t1="resolves", ranks=ranks)
            case "resolves":
                spoiled = self.rules.resolved_after and now.is_linked
                after = world._replace(t1="forgets", spoiled=world.spoiled or spoiled)
                yield "asks which children there are", after
            case "forgets":
                cell = None if world.spoiled else world.cell
                complete = (True, world.complete[1])
                after = world._replace(t1="done", cell=cell, complete=complete)
                yield "forgets them", after
            case _:
                pass

    def _t2(self, world: World) -> Iterator[tuple[str, World]]:
        match world.t2:
            case "writes":
                verb = "unlinks" if self.begins_linked else "links"
                yield f"{verb} the child", world._replace(t2="commits")
            case "commits":
                ranks = (world.ranks[0], len(world.history))
                rows = world.history[-1]._replace(is_linked=not self.begins_linked)
                after = self._commit(world, rows)
                yield "commits", after._replace(t2="forgets", ranks=ranks)
            case "forgets":
                complete = (world.complete[0], True)
                after = world._replace(t2="done", cell=None, complete=complete)
                yield "forgets the child", after
            case _:
                pass
