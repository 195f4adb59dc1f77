"""A reader that is slow: what it loaded before a write is never what is read after it."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pytest_django import Settings

from tests.caches.gates import LIMIT_SECONDS, Gate, WatchedStore
from tests.caches.processes import Cells, Numbers, Process, figures
from tests.queue.threads import elsewhere
from workflow_engine.caches.cell import PERMIT_BYTES
from workflow_engine.caches.stores.base import Reply
from workflow_engine.exceptions import CacheUnavailable

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]

OLD, NEW = (0,), (1,)


def write(numbers: Numbers, writer: Process, key: int = 1) -> None:
    """Change the row and forget its entry, complete."""
    numbers.rows[key] = NEW
    writer.forget(numbers.question, key)


def held(process: Process, numbers: Numbers, step: str) -> tuple[Gate, Any]:
    """Return the gate that a reader of key 1 stands at, and what it will answer."""
    gate = process.store.before[step] = Gate(f"a reader comes to {step}")
    answer = elsewhere(lambda: process.get(numbers.question, 1))
    gate.wait_until_reached()
    return gate, answer


@pytest.mark.parametrize("is_filled_anew", [False, True], ids=["gone", "other"])
def test_fill__after_a_write(
    cells: Cells, numbers: Numbers, is_filled_anew: bool
) -> None:
    numbers.rows = {1: OLD}
    slow, other = cells.process(numbers.declared), cells.process(numbers.declared)
    gate, answer = held(slow, numbers, "fill")

    write(numbers, other)
    if is_filled_anew:
        assert other.get(numbers.question, 1) == NEW
    figures()
    gate.open()

    assert answer.result(LIMIT_SECONDS) == OLD
    refused = f"refused.{'other' if is_filled_anew else 'gone'}"
    assert figures() == {refused: 1, "miss.absent": 1}
    assert slow.get(numbers.question, 1) == NEW
    assert other.get(numbers.question, 1) == NEW


def test_forget__a_reader_before_and_after_every_step_of_it(
    cells: Cells, numbers: Numbers
) -> None:
    numbers.rows = {1: OLD}
    writer, reader = cells.process(numbers.declared), cells.process(numbers.declared)
    reader.get(numbers.question, 1)
    seen = []

    def look() -> None:
        # Twice: the first look may set a generation, which vouches for the second.
        seen.append([reader.get(numbers.question, 1) for _ in range(2)])

    writer.store.before["unlink"] = writer.store.after["unlink"] = look
    numbers.rows = {1: NEW}
    writer.forget(numbers.question, 1)

    assert seen == [[OLD] * 2, [NEW] * 2]
    assert reader.get(numbers.question, 1) == NEW


def test_take__filled_by_another_since_it_was_read(
    cells: Cells, numbers: Numbers
) -> None:
    numbers.rows = {1: OLD}
    slow, other = cells.process(numbers.declared), cells.process(numbers.declared)
    gate, answer = held(slow, numbers, "take")

    other.get(numbers.question, 1)
    gate.open()

    assert answer.result(LIMIT_SECONDS) == OLD
    assert numbers.loads == [[1]]
    assert slow.store.calls == ["read", "take", "read"]


def test_take__after_a_write(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: OLD}
    slow, other = cells.process(numbers.declared), cells.process(numbers.declared)
    gate, answer = held(slow, numbers, "take")

    write(numbers, other)
    gate.open()

    assert answer.result(LIMIT_SECONDS) == NEW


def test_permit__its_owner_is_dead(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: OLD}
    owner, *others = (cells.process(numbers.declared) for _ in range(4))
    owner.store.take([cells.name(numbers.question, 1)], life_ms=5000)  # its last act
    permit = cells.cell(numbers.question, 1) or b""

    for other in others:
        assert other.get(numbers.question, 1) == OLD
        waited = other.store.taken_calls()
        assert other.get(numbers.question, 1) == OLD
        assert waited.count("read") > other.store.taken_calls().count("read") == 2
    assert cells.cell(numbers.question, 1) == permit
    assert len(permit) == PERMIT_BYTES
    life_ms: Any = cells.client.pttl(cells.name(numbers.question, 1))
    assert 0 < life_ms <= 5000

    cells.evict(numbers.question, 1)  # as its life ends
    figures()
    others[0].get(numbers.question, 1)

    assert figures()["fill.stored"] == 1


def test_load__another_thread_does_not_join_one_from_before_a_write(
    cells: Cells, numbers: Numbers
) -> None:
    numbers.rows = {1: OLD}
    process, writer = cells.process(numbers.declared), cells.process(numbers.declared)
    gate, answer = held(process, numbers, "fill")

    write(numbers, writer)
    second = process.get(numbers.question, 1)
    gate.open()

    assert second == NEW
    assert answer.result(LIMIT_SECONDS) == OLD
    assert process.get(numbers.question, 1) == NEW


def test_versions__two_of_the_application(cells: Cells, numbers: Numbers) -> None:
    newer = Numbers(value_type=tuple[int | str, ...])
    newer.rows = numbers.rows
    one, two = cells.process(numbers.declared), cells.process(newer.declared)
    both = ((one, numbers), (two, newer))
    figures()

    for value, (writer, its) in zip(itertools.count(), both * 3, strict=False):
        numbers.rows[1] = (value,)
        writer.forget(its.question, 1)
        for process, of in both * 2:
            assert process.get(of.question, 1) == (value,)

    assert figures()["miss.schema"] > 0


class Late(WatchedStore):
    """Times out at a call that the server executes when the test says so."""

    def __init__(self, store: Any, step: str) -> None:
        super().__init__(store)
        self._step = step
        self.deliver: Callable[[], Any] | None = None

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if name == self._step and self.deliver is None:
            self.deliver = lambda: getattr(self._store, name)(*args, **kwargs)
            raise CacheUnavailable("timeout", "no reply in time")
        return super()._call(name, *args, **kwargs)


def test_permit__arrives_after_a_write(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: OLD}
    reader, writer = cells.process(numbers.declared), cells.process(numbers.declared)
    late = reader.coherence.store = Late(reader.store, "take")
    assert reader.get(numbers.question, 1) == OLD

    write(numbers, writer)
    assert late.deliver is not None
    late.deliver()
    answers = [writer.get(numbers.question, 1) for _ in range(2)]
    looked = writer.store.taken_calls().count("read")
    writer.get(numbers.question, 1)

    assert answers == [NEW] * 2
    assert looked > 4
    assert writer.store.calls == ["read", "take", "read"]
    assert reader.get(numbers.question, 1) == NEW
    assert len(cells.cell(numbers.question, 1) or b"") == PERMIT_BYTES


def test_fill__arrives_after_a_write(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: OLD}
    reader, writer = cells.process(numbers.declared), cells.process(numbers.declared)
    late = reader.coherence.store = Late(reader.store, "fill")
    assert reader.get(numbers.question, 1) == OLD

    write(numbers, writer)
    assert late.deliver is not None
    results = late.deliver()

    assert results == ["gone"]
    assert cells.cell(numbers.question, 1) is None
    assert reader.get(numbers.question, 1) == NEW


def test_copy__kept_after_a_write(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: OLD}
    writer, reader = cells.process(numbers.declared), cells.process(numbers.declared)
    writer.get(numbers.question, 1)
    gate = reader.store.after["read"] = Gate("the reader has the cell")
    answer = elsewhere(lambda: reader.get(numbers.question, 1))
    gate.wait_until_reached()

    write(numbers, writer)
    writer.get(numbers.question, 2)  # somebody sets a new generation
    gate.open()

    assert answer.result(LIMIT_SECONDS) == OLD
    assert [reader.get(numbers.question, 1) for _ in range(2)] == [NEW] * 2


class Afterwards(WatchedStore):
    """The broken double: reads cells first, and what vouches for them only then."""

    def read(self, names: Any, **kwargs: Any) -> Reply:
        reply = super().read(names, **kwargs)
        generation = self._store.read(names[:1])
        return Reply(reply.incarnation, [*generation.cells, *reply.cells[1:]])


def test_copy__a_generation_read_after_the_cell_is_found_out(
    cells: Cells, numbers: Numbers
) -> None:
    numbers.rows = {1: OLD}
    writer, reader = cells.process(numbers.declared), cells.process(numbers.declared)
    writer.get(numbers.question, 1)
    broken = reader.coherence.store = Afterwards(reader.store)
    gate = broken.after["read"] = Gate("the reader has the cell")
    answer = elsewhere(lambda: reader.get(numbers.question, 1))
    gate.wait_until_reached()

    write(numbers, writer)
    writer.get(numbers.question, 2)
    gate.open()
    answer.result(LIMIT_SECONDS)

    assert reader.get(numbers.question, 1) == OLD  # for good: what the rule prevents


def test_generation__lost_again_and_again_under_load(
    cells: Cells, numbers: Numbers
) -> None:
    numbers.rows = {1: (0,)}
    writer = cells.process(numbers.declared)
    readers = [cells.process(numbers.declared) for _ in range(2)]
    completed = [0]
    ended = threading.Event()

    def read(process: Process) -> int:
        number = 0
        while not ended.is_set() or not number:
            least = completed[0]
            assert process.get(numbers.question, 1) >= (least,)
            number += 1
        return number

    def evict() -> None:
        while not ended.is_set():
            cells.evict_generation(numbers.question)

    reads = [elsewhere(partial(read, one)) for one in readers * 2]
    evictor = elsewhere(evict)
    for value in range(1, 60):
        numbers.rows = {1: (value,)}
        writer.forget(numbers.question, 1)
        completed[0] = value
        assert writer.get(numbers.question, 1) == (value,)
    ended.set()

    assert all(reader.result(LIMIT_SECONDS) for reader in reads)
    evictor.result(LIMIT_SECONDS)
    for reader in readers:
        reader.get(numbers.question, 1)
        reader.get(numbers.question, 1)
        reader.store.taken_calls()
        figures()
        reader.get(numbers.question, 1)
        assert figures() == {"hit.near": 1}


PROGRAM = """
import os, sys, threading
import django
from django.conf import settings
settings.WORKFLOW_ENGINE = {
    "CACHE_ALIAS": "default",
    "CACHE_PREFIX": sys.argv[1],
    "CACHE_WAIT_SECONDS": 5,
    "CACHE_VERIFY_SHARE": 0,
}
settings.CACHES["default"]["OPTIONS"] = {"SOCKET_TIMEOUT": 10, "SOCKET_CONNECT_TIMEOUT": 10}
django.setup()
from django.db import connections
from tests.caches.processes import Numbers, Process
numbers = Numbers()
numbers.rows = {1: (1, 2, 3)}
numbers.on_load = lambda: threading.Event().wait(0.02)
process = Process("default", numbers.declared)
assert process.coherence.gate.passes()
connections.close_all()
start = threading.Barrier(25)
answers = []
def read():
    start.wait(30)
    answers.append(process.get(numbers.question, 1))
    connections.close_all()
threads = [threading.Thread(target=read) for _ in range(25)]
print("ready", flush=True)
sys.stdin.readline()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(60)
assert answers == [(1, 2, 3)] * 25, answers
print(len(numbers.loads), flush=True)
"""


def test_load__once_for_a_hundred_threads_in_four_processes(
    child_environment: dict[str, str], cells: Cells, settings: Settings
) -> None:
    prefix = settings.WORKFLOW_ENGINE["CACHE_PREFIX"]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, prefix],
            env=child_environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    ready = [child.stdout.readline() for child in children if child.stdout]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()

    loads = [child.communicate(timeout=60)[0] for child in children]

    assert ready == ["ready\n"] * 4
    assert sum(map(int, loads)) == 1
