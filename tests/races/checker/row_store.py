"""Row store: the coherence without Redis, one generation row in the database.

A look-up reads the number first, then answers from entries tagged with exactly it, or
loads. A commit changes rows and number together. Numbers are named after who made them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.races.checker.rules import PROTOCOL, Rules
from tests.races.checker.search import Step

#: A number that a missing row is taken for, where the rule is dropped.
TAKEN_FOR_MISSING: Final = -1

#: What the reader does not know yet.
UNKNOWN: Final = -2


class Moment(NamedTuple):
    """What the database holds: the content of the row, and the generation row."""

    content: int = 0
    number: int | None = 0


class Reading(NamedTuple):
    """The reader."""

    at: str = "asks"
    since: int = 0
    number: int | None = UNKNOWN
    content: int = UNKNOWN


class World(NamedTuple):
    """History, the process's entry (content, number), the reader, and what may happen.

    A backup is the place of a moment that may come back; `gone` is what was committed after
    it and is lost, until somebody commits again.
    """

    history: tuple[Moment, ...] = (Moment(),)
    entry: tuple[int, int] | None = None
    reading: Reading = Reading()
    looks: int = 3
    writes: int = 3
    backup: int | None = None
    backups: int = 1
    flushes: int = 2
    gone: frozenset[int] = frozenset()
    wrong: str = ""


class RowStore:
    """One process that reads, writers elsewhere, and a database that is put back.

    A look-up that reads the number, and its entry only after the next commit, keeps the new
    content under the old number. That is harmless as long as numbers do not come back. But
    a database that is put back shows the old number again, and then the process answers
    from the time that is gone: *newer* than the database, until its next commit. `strict`
    does not excuse that. `in_one_statement`, the number is read together with the entry,
    and there is nothing to excuse.
    """

    def __init__(
        self,
        rules: Rules = PROTOCOL,
        *,
        strict: bool = False,
        in_one_statement: bool = False,
    ) -> None:
        """Take the rules, and what is beyond them."""
        self.rules = rules
        self.strict = strict
        self.in_one_statement = in_one_statement

    def initial(self) -> World:
        """Return a database with one row and an empty process."""
        return World()

    def steps(self, world: World) -> Iterator[tuple[Step, World]]:
        """Return what everybody may do next."""
        yield from self._reader(world)
        now = world.history[-1]
        if world.writes:
            content = 4 - world.writes
            number = content
            if not self.rules.row_generation_random:
                number = (now.number or 0) + 1
            after = self._commit(world, Moment(content, number))
            yield Step("W", "commits"), after._replace(writes=world.writes - 1)
        yield from self._database(world, now)

    def wrong(self, world: World) -> str:
        """Return which promise the last step has broken, or ""."""
        return world.wrong

    def stuck(self, world: World) -> str:
        """Return "": nothing is owed to anybody."""
        return ""

    def _commit(self, world: World, moment: Moment) -> World:
        return world._replace(history=(*world.history, moment), gone=frozenset())

    def _database(self, world: World, now: Moment) -> Iterator[tuple[Step, World]]:
        if world.backups:
            place = len(world.history) - 1
            saved = world._replace(backup=place, backups=world.backups - 1)
            yield Step("Database", "is backed up"), saved
        if world.backup is not None:
            gone = {moment.content for moment in world.history[world.backup + 1 :]}
            back = self._commit(world, world.history[world.backup])
            after = back._replace(backup=None, gone=frozenset(gone))
            yield Step("Database", "is restored"), after
        if world.flushes:
            content = 10 + world.flushes
            flushed = self._commit(world, Moment(content, None))
            yield (
                Step("Database", "is flushed"),
                flushed._replace(flushes=world.flushes - 1),
            )

    def _reader(self, world: World) -> Iterator[tuple[Step, World]]:
        me, now = world.reading, world.history[-1]
        if me.at == "asks" and world.looks:
            me = me._replace(since=len(world.history) - 1)
            if self.rules.row_generation_first:
                yield Step("R", "reads the number"), self._numbered(world, me, now)
            elif world.entry is not None and world.entry[1] == now.number:
                yield Step("R", "answers"), self._answer(world, me, world.entry[0])
            else:
                loaded = me._replace(at="numbers", content=now.content)
                yield Step("R", "loads"), world._replace(reading=loaded)
        elif me.at == "loads":
            number = self._number(now) if self.in_one_statement else me.number
            kept = self._keep(world, number, now.content)
            yield Step("R", "loads"), self._answer(kept, me, now.content)
        elif me.at == "numbers":
            kept = self._keep(world, self._number(now), me.content)
            yield Step("R", "reads the number"), self._answer(kept, me, me.content)

    def _number(self, now: Moment) -> int | None:
        if now.number is None and not self.rules.missing_row_vouches_not:
            return TAKEN_FOR_MISSING
        return now.number

    def _numbered(self, world: World, me: Reading, now: Moment) -> World:
        number = self._number(now)
        if number is not None and world.entry is not None and world.entry[1] == number:
            return self._answer(world, me, world.entry[0])
        return world._replace(reading=me._replace(at="loads", number=number))

    def _keep(self, world: World, number: int | None, content: int) -> World:
        return world if number is None else world._replace(entry=(content, number))

    def _answer(self, world: World, me: Reading, content: int) -> World:
        world = world._replace(reading=Reading(), looks=world.looks - 1)
        is_excused = content in world.gone and not self.strict
        later = {moment.content for moment in world.history[me.since :]}
        if is_excused or content in later:
            return world
        return world._replace(wrong="C1: the answer is from before the look-up began")
