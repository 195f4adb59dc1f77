"""Processes: several sides of the protocol in one process, and what each of them did.

Each has its own connections, near copies and trust in the cache, as a process of its own
would; and a store that can be watched and stopped.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import redis
from pytest_django import Settings

from settings.base import redis_cache
from tests.caches.gates import WatchedStore
from workflow_engine.caches import CacheMapping, Direct
from workflow_engine.caches.coherence.cells import CellCoherence
from workflow_engine.caches.declared import Declared
from workflow_engine.caches.declared import declared as of_ours
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.look_up import LookUp
from workflow_engine.caches.question import Question
from workflow_engine.caches.stores.redis import RedisStore
from workflow_engine.metrics.counts import counts
from workflow_engine.models import Detector

#: Counters of how it was done, not of how a key ended or an entry did.
HOW = {"load", "load.le", "permit", "generation", "bytes"}

AnyQuestion = Question[Any, Any]
Answer = tuple[int, ...]


class Numbers:
    """A question whose rows are in memory, so that a test says when they change.

    Attributes:
        rows: Numbers by key; a key without them has the answer ().
        loads: The keys of each load, in order.
        on_load: Called in a load, after the rows were read.
    """

    def __init__(self, name: str = "numbers", value_type: Any = Answer) -> None:
        self.rows: dict[int, Any] = {}
        self.loads: list[list[int]] = []
        self.on_load: Callable[[], object] = lambda: None
        self.declared = Declared()
        self.question: Question[int, Any] = Question(
            CacheMapping(name, str),
            load=self._load,
            depends_on={Detector: Direct(("id",), lambda row: {row["id"]})},
            value_type=value_type,
        )
        self.declared.add(self.question)

    def _load(self, keys: Sequence[int]) -> dict[int, Any]:
        self.loads.append(list(keys))
        answers = {key: self.rows.get(key, ()) for key in keys}
        self.on_load()
        return answers

    def loaded(self) -> list[list[int]]:
        """Return the loads since this was last asked."""
        loads, self.loads = self.loads, []
        return loads


class Process:
    """One process's side of the protocol."""

    def __init__(self, alias: str, declared: Declared) -> None:
        self.store = WatchedStore(RedisStore(alias))
        self.coherence = CellCoherence("default", self.store, declared)

    def look_up(self, *questions: AnyQuestion) -> LookUp:
        return LookUp(*questions, coherence=self.coherence)

    def get(self, question: AnyQuestion, key: Any) -> Any:
        return self.get_many(question, [key])[key]

    def get_many(self, question: AnyQuestion, keys: Sequence[Any]) -> dict[Any, Any]:
        return self.look_up(question).get_many(question, keys)

    def forget(self, question: AnyQuestion, *keys: Any) -> None:
        entries = Entries()
        entries.add(question, keys)
        self.coherence.forget(entries, "hand")

    def forget_all(self, question: AnyQuestion) -> None:
        entries = Entries()
        entries.add_all(question)
        self.coherence.forget(entries, "hand")

    def place(self, question: AnyQuestion) -> Any:
        return self.coherence.moment((question,)).group.places[0]


class Cells:
    """The run's Redis as the test sees it, and the processes on it."""

    def __init__(self, alias: str, client: redis.Redis) -> None:
        self.alias = alias
        self.client = client
        self._processes: list[Process] = []

    def process(self, declared: Declared = of_ours) -> Process:
        """Return one more process, which trusts the cache already."""
        made = Process(self.alias, declared)
        assert made.coherence.gate.passes()
        made.store.taken_calls()
        self._processes.append(made)
        return made

    def name(self, question: AnyQuestion, key: Any) -> bytes:
        return bytes(self._processes[0].place(question).name(key))

    def generation(self, question: AnyQuestion) -> bytes:
        return bytes(self._processes[0].place(question).generation)

    def cell(self, question: AnyQuestion, key: Any) -> bytes | None:
        found: bytes | None = self.client.get(self.name(question, key))  # type: ignore[assignment] # not async
        return found

    def put(self, question: AnyQuestion, key: Any, cell: bytes) -> None:
        """Put a cell there as if somebody had."""
        self.client.set(self.name(question, key), cell, px=60_000)

    def evict(self, question: AnyQuestion, key: Any) -> None:
        """Take a cell away, as a server does that is short of memory."""
        self.client.delete(self.name(question, key))

    def evict_generation(self, question: AnyQuestion) -> None:
        self.client.delete(self.generation(question))

    def close(self) -> None:
        for process in self._processes:
            process.store.close()


def figures(access: str = "numbers") -> dict[str, int]:
    """Return how keys ended and what became of entries since this was last asked, by name."""
    return {
        ".".join(filter(None, (one.counter, one.reason))): one.count
        for one in counts.take()
        if one.scope == access and one.counter not in HOW
    }


@pytest.fixture
def cells(settings: Settings) -> Iterator[Cells]:
    """Yield cells that no other test sees, on a Redis that is waited for long enough."""
    url = f"{os.environ['WORKFLOW_TEST_REDIS_URL']}/6"
    entry = redis_cache(url)
    entry["OPTIONS"] = {"SOCKET_CONNECT_TIMEOUT": 5, "SOCKET_TIMEOUT": 5}
    settings.CACHES = {**settings.CACHES, "patient": entry}
    prefix = uuid.uuid4().hex
    settings.WORKFLOW_ENGINE = {
        "CACHE_ALIAS": "patient",
        "CACHE_PREFIX": prefix,
        "CACHE_VERIFY_SHARE": 0,  # it would ask behind the test's back
    }
    counts.take()
    with redis.Redis.from_url(url) as client:
        made = Cells("patient", client)
        yield made
        made.close()
        if names := list(client.scan_iter(f"{prefix}:*", count=1000)):
            client.unlink(*names)
    counts.take()


@pytest.fixture
def numbers() -> Numbers:
    return Numbers()
