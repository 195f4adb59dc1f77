"""Writers on real rules: each thread settles for itself, as processes of their own would."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from tests.caches.gates import Gate
from tests.caches.processes import Process
from workflow_engine.caches.coherence import Coherence
from workflow_engine.caches.declared import Declared, declared
from workflow_engine.receivers import connect, disconnect


class Writers:
    """Says which process the present thread is."""

    def __init__(self, default: Coherence) -> None:
        self._default = default
        self._here = threading.local()

    def current(self) -> Coherence:
        found: Coherence = getattr(self._here, "coherence", self._default)
        return found

    def as_(self, process: Process, call: Callable[[], Any]) -> Callable[[], Any]:
        """Return the call as another process would make it; for a thread of its own."""

        def run() -> Any:
            self._here.coherence = process.coherence
            return call()

        return run


@contextmanager
def heard_by(default: Coherence, among: Declared = declared) -> Iterator[Writers]:
    """Let what is written be heard by these and by nobody else."""
    made = Writers(default)
    disconnect(declared)
    connect(among, made.current)
    yield made
    disconnect(among)
    connect(declared)


@contextmanager
def held_before(gate: Gate, beginning: str, table: str) -> Iterator[None]:
    """Hold this thread before a statement on a table."""

    def execute(run: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith(beginning) and table in sql:
            gate()
        return run(sql, *rest)

    with connection.execute_wrapper(execute):
        yield
