"""Forgetting everything while others read and fill."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.caches.gates import LIMIT_SECONDS, Gate
from tests.caches.processes import Cells, Numbers, figures
from tests.queue.threads import elsewhere

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]

OLD, NEW = (0,), (1,)
KEYS = range(5)


class OneByOne:
    """A store whose scan yields one name at a time."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def scan(self, prefix: bytes) -> Iterator[list[bytes]]:
        for names in self._store.scan(prefix):
            for name in sorted(names):
                yield [name]


@pytest.mark.parametrize("number", range(8))
def test_forget_all__a_reader_fills_at_every_step_of_it(
    cells: Cells, numbers: Numbers, number: int
) -> None:
    numbers.rows = dict.fromkeys(KEYS, OLD)
    slow, other = cells.process(numbers.declared), cells.process(numbers.declared)
    other.get_many(numbers.question, [1, 2, 3])
    gate = slow.store.before["fill"] = Gate("the reader fills")
    answer = elsewhere(lambda: slow.get(numbers.question, 4))
    gate.wait_until_reached()
    numbers.rows = dict.fromkeys(KEYS, NEW)  # and nothing said so
    steps: list[str] = []

    def fill_now() -> None:
        if len(steps) == number:
            gate.open()
            assert answer.result(LIMIT_SECONDS) == OLD
            assert slow.get(numbers.question, 1) in {OLD, NEW}
        steps.append("unlink")

    other.store.before["unlink"] = fill_now
    other.coherence.store = OneByOne(other.store)
    other.forget_all(numbers.question)
    fill_now()
    gate.open()
    answer.result(LIMIT_SECONDS)

    assert len(steps) >= 5
    for process in (slow, other):
        found = process.get_many(numbers.question, KEYS)
        assert found == dict.fromkeys(KEYS, NEW)


def test_forget_all__among_many_keys_of_others(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = dict.fromkeys(KEYS, OLD)
    reader, other = cells.process(numbers.declared), cells.process(numbers.declared)
    reader.get_many(numbers.question, KEYS)
    reader.get_many(numbers.question, KEYS)
    prefix = f"foreign-{cells.name(numbers.question, 1).decode()}"
    foreign = [f"{prefix}-{number}" for number in range(100_000)]
    for start in range(0, len(foreign), 10_000):
        cells.client.mset(dict.fromkeys(foreign[start : start + 10_000], "x"))
    numbers.rows = dict.fromkeys(KEYS, NEW)

    try:
        other.forget_all(numbers.question)
        left = sum(
            int(cells.client.exists(*foreign[start : start + 10_000]))
            for start in range(0, len(foreign), 10_000)
        )
    finally:
        for start in range(0, len(foreign), 10_000):
            cells.client.unlink(*foreign[start : start + 10_000])

    assert left == len(foreign)
    assert reader.get_many(numbers.question, KEYS) == dict.fromkeys(KEYS, NEW)
    assert figures()["forgot_all.hand"] == 1


def test_forget_all__a_copy_is_taken_from_a_cell_not_yet_scanned(
    cells: Cells, numbers: Numbers
) -> None:
    numbers.rows = {1: OLD, 2: OLD}
    other, reader = cells.process(numbers.declared), cells.process(numbers.declared)
    other.get_many(numbers.question, [1, 2])
    numbers.rows = {1: NEW, 2: NEW}
    other.coherence.store = OneByOne(other.store)
    taken: list[Any] = []
    other.store.before["unlink"] = lambda: taken.append(
        reader.get_many(numbers.question, [1, 2])
    )

    other.forget_all(numbers.question)

    assert {1: OLD, 2: OLD} in taken
    assert reader.get_many(numbers.question, [1, 2]) == {1: NEW, 2: NEW}
