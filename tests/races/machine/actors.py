"""Actors: two processes, each a thread with its own connection and its own coherence."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import DatabaseError, connections, transaction

from tests.receivers.answers import Entry, answers
from workflow_engine.caches.coherence import Coherence
from workflow_engine.caches.declared import declared
from workflow_engine.caches.look_up import LookUp

T = TypeVar("T")

LIMIT_SECONDS = 30

#: The coherence of the thread that asks.
_here = threading.local()


def coherence_here() -> Coherence:
    """Return the coherence of the actor that calls."""
    found: Coherence = _here.coherence
    return found


class Actor:
    """One process; what it is told happens in its thread, and has happened on return."""

    def __init__(self, make: Callable[[], Coherence]) -> None:
        self._make = make
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._blocks: list[transaction.Atomic] = []
        self.restart()

    @property
    def depth(self) -> int:
        """How many atomic blocks are open, one in the other."""
        return len(self._blocks)

    def do(self, call: Callable[[], T]) -> T:
        return self._thread.submit(call).result(LIMIT_SECONDS)

    def restart(self) -> None:
        """Be a process that was just started."""
        self.do(self._restart)

    def write(self, call: Callable[[], object]) -> None:
        """Write; what the database or Django refuses is undone, and no error."""

        def attempt() -> None:
            try:
                if self._blocks:
                    with transaction.atomic():
                        call()
                else:
                    call()
            except DatabaseError:
                pass  # refused, as a random write may well be

        self.do(attempt)

    def enter(self) -> None:
        """Begin a transaction, or a savepoint in it."""
        block = transaction.atomic()
        self.do(block.__enter__)
        self._blocks.append(block)

    def leave(self, *, rolls_back: bool) -> None:
        """End the innermost block."""
        block = self._blocks.pop()

        def end() -> None:
            if rolls_back:
                transaction.set_rollback(True)
            block.__exit__(None, None, None)

        self.do(end)

    def stale(self) -> set[Entry]:
        """Return the entries that a look-up answers otherwise than the database does."""
        return self.do(self._stale)

    def sweep(self) -> None:
        self.do(self.coherence.sweep)

    def end(self) -> None:
        while self._blocks:
            self.leave(rolls_back=True)
        self.do(connections.close_all)
        self._thread.shutdown()

    def _restart(self) -> None:
        self.coherence = _here.coherence = self._make()

    def _stale(self) -> set[Entry]:
        true = answers()
        look_up = LookUp(*declared, coherence=self.coherence)
        found: dict[Entry, Any] = {}
        for question in declared:
            keys = [key for name, key in true if name == question.name]
            got = look_up.get_many(question, keys)
            found |= {(question.name, key): value for key, value in got.items()}
        return {entry for entry in true if found[entry] != true[entry]}
