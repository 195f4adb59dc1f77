"""Cast: who takes part, each process with its own coherence, each thread with its own line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import connection, transaction

from tests.races.conformance.questions import Access, versions
from tests.races.conformance.stage import Actor, Killed, actor, stop
from tests.races.conformance.store import Network, StoppingStore
from workflow_engine.caches.coherence.cells import CellCoherence
from workflow_engine.caches.declared import Declared
from workflow_engine.caches.declared import declared as of_package
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.look_up import LookUp
from workflow_engine.caches.stores.redis import RedisStore
from workflow_engine.models import CacheOutbox, Environment
from workflow_engine.receivers import connect, disconnect

#: Who also stops before it ends a drain that found nothing.
OPENING: Final = "P0"

OUTBOX: Final = CacheOutbox._meta.db_table


class Rollback(Exception):
    """Makes a writer give up."""


class Cast:
    """One row, one question, and everybody who reads and writes."""

    def __init__(
        self, alias: str, key: int, ask: Callable[[Declared], Access] = versions
    ) -> None:
        """Name the Redis, the row that is written, and what is asked."""
        self.key = key
        self.network = Network()
        self.declared = Declared()
        self.question = ask(self.declared)
        self._alias = alias
        self._stores: dict[int, RedisStore] = {}
        self._actors: dict[str, Actor] = {}
        self.processes: dict[int, CellCoherence] = {}
        self._processes_of: dict[str, int] = {}

    # Processes

    def process(self, number: int) -> CellCoherence:
        """Return the coherence of a process, closed when it is new."""
        found = self.processes.get(number)
        if found is None:
            if number not in self._stores:
                self._stores[number] = RedisStore(self._alias)
            store = StoppingStore(self._stores[number], self.network)
            found = CellCoherence("default", store, self.declared)
            self.processes[number] = found
        return found

    def of(self, name: str, number: int) -> None:
        """Put an actor into a process."""
        self._processes_of[name] = number

    def mine(self, name: str = "") -> CellCoherence:
        """Return the coherence of an actor, or of whoever asks: the hook's `current`."""
        me = actor()
        name = name or (me.name if me else "")
        return self.process(self._processes_of.get(name, -1))

    # Actors

    def actor(self, name: str) -> Actor:
        """Return the actor of a name, idle when it is new."""
        found = self._actors.get(name)
        if found is None:
            found = self._actors[name] = Actor(name)
            if name not in self._processes_of:
                self.of(name, len(self._processes_of))
                assert self.mine(name).gate.passes(), f"{name} finds no Redis"
            found.start()
            found.begin(_instrument)
        return found

    def kill(self, one: Actor) -> None:
        """End an actor where it stands; its process goes on, which is told nothing.

        Here it is a thread of that process, whose gate hears of the end and closes.
        """
        gate = self.mine(one.name).gate
        was_open = gate.is_open
        one.go(Killed())
        gate.is_open = was_open

    def actors(self) -> list[Actor]:
        """Return everybody who has taken part."""
        return list(self._actors.values())

    def leave(self) -> None:
        """End all threads and connections."""
        for one in self.actors():
            one.leave()
        for store in self._stores.values():
            store.close()

    # Pieces of work

    def look_up(self, key: Any = None) -> Any:
        """Answer for the row, or for another key."""
        key = self.key if key is None else key
        look_up = LookUp(self.question, coherence=self.mine())
        return look_up.get_many(self.question, [key])[key]

    def look_up_inside(self) -> Any:
        """Answer for the row in a transaction that has a snapshot already."""
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            Environment.objects.filter(pk=self.key).exists()
            stop("reads")
            return self.look_up()

    def writes(self, version: int, *, looks_up: bool = False) -> Callable[[], bool]:
        """Return the work of a writer; it tells whether it committed."""

        def work() -> bool:
            try:
                with transaction.atomic():
                    row = Environment.objects.get(pk=self.key)
                    row.name = f"v{version}"
                    row.save()
                    if looks_up:
                        stop("looks up")
                        answer = self.look_up()
                        assert answer == version, f"C3: v{answer}, not its own"
                    stop("commits")
            except Rollback:
                return False
            return True

        return work

    def writes_by_sql(self, version: int, key: int | None = None) -> Callable[[], bool]:
        """Return the work of a writer that runs none of our code."""
        key = self.key if key is None else key

        def work() -> bool:
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    table = Environment._meta.db_table
                    statement = f"UPDATE {table} SET name = %s WHERE id = %s"  # noqa: S608
                    cursor.execute(statement, [f"v{version}", key])
                    stop("commits")
            except Rollback:
                return False
            return True

        return work

    def sweep(self) -> int:
        """Pay what the outbox owes, once."""
        return self.mine().sweep()

    def opens(self) -> bool:
        """Open a process."""
        return self.mine().gate.passes()

    def forget_all(self) -> None:
        """Forget every entry of the question."""
        entries = Entries()
        entries.add_all(self.question)
        self.mine().forget(entries, "hand")


def _instrument() -> None:
    """Stop this thread before the DELETE and the COMMIT of a drain."""
    connection.ensure_connection()
    connection.execute_wrappers.append(_before_delete)
    original = connection.commit

    def commit() -> None:
        me = actor()
        if me is not None and (me.has_rows or me.tells_empty):
            try:
                me.stop("commits its drain")
            except Killed:
                connection.rollback()  # as the server does for a client that is gone
                raise
            me.has_rows = me.tells_empty = False
        original()

    connection.commit = commit  # type: ignore[method-assign] # of this thread only


def _before_delete(
    execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
) -> Any:
    me = actor()
    if me is not None and me.stops_at_update and str(sql).startswith("UPDATE"):
        me.stop("updates")
    if not (isinstance(sql, str) and OUTBOX in sql and "DELETE" in sql):
        return execute(sql, params, many, context)
    stop("locks")
    result = execute(sql, params, many, context)
    if me is not None:
        me.has_rows = context["cursor"].rowcount > 0
        me.tells_empty = me.name == OPENING
    return result


@contextmanager
def connected(cast: Cast) -> Iterator[Cast]:
    """Let the real receivers hear of what the cast writes, and of nothing else."""
    disconnect(of_package)
    connect(cast.declared, cast.mine)
    try:
        yield cast
    finally:
        disconnect(cast.declared)
        connect(of_package)
        cast.leave()
