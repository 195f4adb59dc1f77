"""World: processes of one edition on one Redis and one database, and what they must answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from django.conf import settings
from django.test import override_settings

from tests.caches.gates import WatchedStore
from tests.caches.processes import Numbers
from tests.models.outbox import run
from tests.mutants.edition import Edition
from workflow_engine.caches import CacheMapping, Direct, Resolved, Row
from workflow_engine.caches.declared import Declared
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.question import Question
from workflow_engine.models import Detector, Environment, Workflow

AnyQuestion = Question[Any, Any]
Cells = dict[bytes, bytes]


class PromiseBroken(AssertionError):
    """An answer, or what is left behind, is not what was promised."""


class Side:
    """One process: with connections, near copies and trust of its own."""

    def __init__(self, edition: Edition, alias: str, declared: Declared) -> None:
        self._edition = edition
        self.store = WatchedStore(
            edition("caches.stores.redis.store").RedisStore(alias)
        )
        self.coherence = edition("caches.coherence.cells").CellCoherence(
            "default", self.store, declared
        )

    def look_up(self, *questions: AnyQuestion) -> Any:
        made = self._edition("caches.look_up").LookUp
        return made(*questions, coherence=self.coherence)

    def get(self, question: AnyQuestion, key: Any) -> Any:
        return self.get_many(question, [key])[key]

    def get_many(self, question: AnyQuestion, keys: Sequence[Any]) -> dict[Any, Any]:
        found: dict[Any, Any] = self.look_up(question).get_many(question, keys)
        return found

    def forget(self, question: AnyQuestion, *keys: Any) -> None:
        entries = Entries()
        entries.add(question, keys)
        self.coherence.forget(entries, "hand")

    def forget_all(self, question: AnyQuestion) -> None:
        entries = Entries()
        entries.add_all(question)
        self.coherence.forget(entries, "hand")


class World:
    """What a promise is tried in.

    Attributes:
        numbers: A question whose rows are in memory.
        by_source: Ids of detectors by source, from the database.
        named: By workflow, the name of its environment; found by a query from that.
        writer: The process whose receivers hear of the writes of this thread.
        onlooker: A process that has read nothing until it is asked at the end.
    """

    def __init__(
        self, edition: Edition, alias: str, prefix: str, client: redis.Redis
    ) -> None:
        self.edition = edition
        self.alias = alias
        self.client = client
        self.numbers = Numbers()
        self.by_source = _by_source()
        self.named = _named()
        self.declared = Declared()
        for one in (self.numbers.question, self.by_source, self.named):
            self.declared.add(one)
        self._prefix = prefix
        self._sides: list[Side] = []
        self._of_thread = threading.local()
        self.writer = self.side()
        self.onlooker = self.side()

    def side(self, *, opens: bool = True) -> Side:
        """Return a process that starts now, and with `opens` trusts the cache already."""
        made = Side(self.edition, self.alias, self.declared)
        self._sides.append(made)
        if opens:
            assert made.coherence.gate.passes()
        return made

    def close(self) -> None:
        for side in self._sides:
            side.store.close()

    def rows(self) -> Any:
        """Return a process without Redis."""
        made = self.edition("caches.coherence.rows").RowCoherence
        return made("default", self.declared)

    # Writes

    def write(self, key: int, value: tuple[int, ...], by: Side | None = None) -> None:
        """Change a number and forget it."""
        self.numbers.rows[key] = value
        (by or self.writer).forget(self.numbers.question, key)

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Let receivers hear of writes to the database."""
        connecting = self.edition("receivers.connect")
        connecting.connect(self.declared, lambda: self.hearing)
        try:
            yield
        finally:
            connecting.disconnect(self.declared)

    @property
    def hearing(self) -> Any:
        side: Side = getattr(self._of_thread, "side", self.writer)
        return side.coherence

    def write_as(self, side: Side) -> None:
        """Let writes of this thread be heard by another process."""
        self._of_thread.side = side

    # Redis

    def names(self) -> list[bytes]:
        return list(self.client.scan_iter(f"{self._prefix}:*", count=1000))

    def snapshot(self) -> Cells:
        found: dict[bytes, Any] = {name: self.client.get(name) for name in self.names()}
        return {name: cell for name, cell in found.items() if cell is not None}

    def restore(self, cells: Cells) -> None:
        """Become the server that was, under another replication id: failed over and back.

        Only the onlooker notices at once.
        """
        self.client.replicaof("127.0.0.1", "1")
        self.client.replicaof("NO", "ONE")
        for name in self.names():
            self.client.delete(name)
        for name, cell in cells.items():
            self.client.set(name, cell)
        self.onlooker.store.close()

    def name(self, question: AnyQuestion, key: Any) -> bytes:
        return bytes(self._place(question).name(key))

    def generation(self, question: AnyQuestion) -> bytes:
        return bytes(self._place(question).generation)

    def cell(self, question: AnyQuestion, key: Any) -> bytes | None:
        found: Any = self.client.get(self.name(question, key))
        return found if found is None else bytes(found)

    def _place(self, question: AnyQuestion) -> Any:
        return self.writer.coherence.moment((question,)).group.places[0]

    @contextmanager
    def full_memory(self) -> Iterator[None]:
        self.client.config_set("maxmemory", 1)
        try:
            yield
        finally:
            self.client.config_set("maxmemory", 0)

    # What was promised

    def fresh(self, side: Side, question: AnyQuestion, *keys: Any) -> None:
        """Ask a process, and one without copies: both must say what is so now.

        None that starts now: its opening would drain the outbox.
        """
        for one in (side, self.onlooker):
            for key in keys:
                same(one.get(question, key), question.load([key])[key], question, key)


Promise = Callable[[World], None]


def answers_when_nobody_writes(world: World) -> None:
    """An edition is no wreck: it stores an answer, and gives it to others."""
    world.numbers.rows[77] = (7,)
    for side in (world.side(), world.side()):
        assert side.get(world.numbers.question, 77) == (7,)
    assert world.numbers.loaded() == [[77]]


def same(got: Any, expected: Any, *what: Any) -> None:
    if got != expected:
        raise PromiseBroken(f"{what}: {got!r} and not {expected!r}")


def once(call: Callable[[], object]) -> Callable[[], object]:
    """Return what makes a call the first time it is called."""
    left = [call]
    return lambda: left.pop()() if left else None


@contextmanager
def setting(**options: Any) -> Iterator[None]:
    """Change settings of ours for processes that start now."""
    changed = {**settings.WORKFLOW_ENGINE, **options}
    with override_settings(WORKFLOW_ENGINE=changed):
        yield


@contextmanager
def unheard_by_the_database() -> Iterator[None]:
    """Write past database triggers on this connection: nothing comes to the outbox."""
    run("SET session_replication_role = replica")
    try:
        yield
    finally:
        run("SET session_replication_role = origin")


def _by_source() -> Question[str, Any]:
    def load(keys: Sequence[str]) -> dict[str, Any]:
        found: dict[str, tuple[int, ...]] = dict.fromkeys(keys, ())
        rows = Detector.objects.filter(source__in=keys).order_by("id")
        for source, number in rows.values_list("source", "id"):
            found[source] += (number,)
        return found

    return Question(
        CacheMapping("by_source", str),
        load=load,
        depends_on={Detector: Direct(("id", "source"), lambda row: {row["source"]})},
        value_type=tuple[int, ...],
    )


def _named() -> Question[int, Any]:
    def load(keys: Sequence[int]) -> dict[int, Any]:
        rows = Workflow.objects.filter(id__in=keys)
        names = dict(rows.values_list("id", "environment__name"))
        return {key: names.get(key) or "" for key in keys}

    def resolve(rows: Sequence[Row], using: str) -> set[int]:
        ids = [row["id"] for row in rows]
        found = Workflow.objects.using(using).filter(environment_id__in=ids)
        return set(found.values_list("id", flat=True))

    return Question(
        CacheMapping("named", str),
        load=load,
        depends_on={
            Workflow: Direct(("id",), lambda row: {row["id"]}),
            Environment: Resolved(("id",), resolve),
        },
        value_type=str,
        empties=("",),
    )
