"""Steps: whatever a process says to the database and to Redis, counted and cut short."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from workflow_engine.caches.stores.base import (
    CellStore,
    Fill,
    Filled,
    Reply,
    Server,
    Taken,
)

#: What a drain says so that the server ends it when it hangs, and what it says here.
IDLE, IDLE_HERE = "session_timeout = 5000", "session_timeout = 300"


class Steps:
    """Sends this process a signal before its step of a number; counts from 1."""

    def __init__(self, at: int, number: int) -> None:
        self._left = at
        self._number = number
        self.taken: list[str] = []

    def __call__(self, name: str) -> None:
        """Take one step, or none."""
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), self._number)
        self.taken.append(name)

    def watch(self, connection: Any) -> None:
        """Count statements and commits; the step after a commit is one of its own."""
        connection.execute_wrappers.append(self._execute)
        commit = connection._commit

        def stepping() -> None:
            self("COMMIT")
            commit()
            self("committed")

        connection._commit = stepping

    def _execute(
        self,
        execute: Callable[..., Any],
        sql: str,
        params: Any,
        many: bool,
        context: Any,
    ) -> Any:
        self(sql[:60])
        if "idle_in_transaction_session_timeout" in sql:
            assert IDLE in sql, sql
            sql = sql.replace(IDLE, IDLE_HERE)
        return execute(sql, params, many, context)


class SteppingStore:
    """A store each of whose calls is a step."""

    def __init__(self, store: CellStore, step: Steps) -> None:
        self._store = store
        self._step = step

    def read(self, names: Sequence[bytes], *, renewing: Sequence[bytes] = ()) -> Reply:
        self._step("read")
        return self._store.read(names, renewing=renewing)

    def take(self, names: Sequence[bytes], **options: Any) -> Taken:
        self._step("take")
        return self._store.take(names, **options)

    def fill(self, fills: Sequence[Fill]) -> list[Filled]:
        self._step("fill")
        return self._store.fill(fills)

    def unlink(self, names: Sequence[bytes], *, last: Sequence[bytes] = ()) -> None:
        self._step("unlink")
        self._store.unlink(names, last=last)

    def scan(self, prefix: bytes) -> Iterator[list[bytes]]:
        self._step("scan")
        for names in self._store.scan(prefix):
            yield names
            self._step("scan on")

    def life_left_ms(self, name: bytes) -> int | None:
        self._step("life_left_ms")
        return self._store.life_left_ms(name)

    def ask_server(self) -> Server:
        self._step("ask_server")
        return self._store.ask_server()

    def refresh(self) -> None:
        self._store.refresh()

    def close(self) -> None:
        self._store.close()
