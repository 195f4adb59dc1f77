"""One read: every way in which a cell answers nothing, and how the key ends then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis
from pytest_django import Settings

from settings.base import redis_cache
from tests.caches.gates import LIMIT_SECONDS, Gate
from tests.caches.processes import Cells, Numbers, Process, figures
from tests.queue.threads import elsewhere
from tests.servers import Servers
from tests.waiting import wait_until
from workflow_engine.caches.cell import (
    FILLED_AT,
    INCARNATION_BYTES,
    PERMIT_BYTES,
    SCHEMA_AT,
    is_permit,
    new_permit,
)
from workflow_engine.caches.coherence.filling import MOST_VALUE_BYTES

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]

SERVER_AT = 2
OTHER_SERVER = b"0" * INCARNATION_BYTES


def _with(cell: bytes, at: int, part: bytes) -> bytes:
    return cell[:at] + part + cell[at + len(part) :]


#: Reason of the miss, and what is made of a good cell.
UNUSABLE: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "garbage": ("undecodable", lambda _: b"hello"),
    "nothing in it": ("undecodable", lambda _: b""),
    "another format": ("undecodable", lambda cell: _with(cell, 1, b"\x02")),
    "cut payload": ("undecodable", lambda cell: cell[:-1]),
    "no payload": ("undecodable", lambda cell: cell[: FILLED_AT + 8]),
    "payload of another type": ("undecodable", lambda cell: cell[:-4] + b"\xa3abc"),
    "another schema": ("schema", lambda cell: _with(cell, SCHEMA_AT, b"another!")),
    "another server": (
        "incarnation",
        lambda cell: _with(cell, SERVER_AT, OTHER_SERVER),
    ),
    "permit of another server": ("incarnation", lambda _: new_permit(OTHER_SERVER)),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_read__cell_is_unusable(cells: Cells, numbers: Numbers, case: str) -> None:
    reason, spoil = UNUSABLE[case]
    numbers.rows = {1: (1, 2, 3), 2: (4, 5, 6)}
    cells.process(numbers.declared).get_many(numbers.question, [1, 2])
    reader = cells.process(numbers.declared)
    cells.put(numbers.question, 1, spoil(cells.cell(numbers.question, 1) or b""))
    numbers.loaded(), figures()

    answers = reader.get_many(numbers.question, [1, 2, 3])

    assert answers == {1: (1, 2, 3), 2: (4, 5, 6), 3: ()}
    assert numbers.loaded() == [[1, 3]]
    assert figures() == {
        f"miss.{reason}": 1,
        "miss.absent": 1,
        "hit.cell": 1,
        "fill.stored": 2,
    }
    other = cells.process(numbers.declared)
    assert other.get_many(numbers.question, [1, 2, 3]) == answers
    assert numbers.loaded() == []


def test_read__a_key_of_another_type(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: (1,), 2: (2,)}
    reader = cells.process(numbers.declared)
    reader.get(numbers.question, 2)
    cells.client.rpush(cells.name(numbers.question, 1), "a", "b")
    numbers.loaded(), figures()

    first = reader.get_many(numbers.question, [1, 2])
    counted = figures()
    second = reader.get_many(numbers.question, [1, 2])

    assert first == second == {1: (1,), 2: (2,)}
    assert counted == {"bypass.busy": 1, "hit.near": 1}
    assert figures() == {"miss.absent": 1, "hit.near": 1, "fill.stored": 1}


def test_read__generation_is_a_key_of_another_type(
    cells: Cells, numbers: Numbers
) -> None:
    numbers.rows = {1: (1,)}
    reader = cells.process(numbers.declared)
    cells.client.rpush(cells.generation(numbers.question), "a")

    answers = [reader.get(numbers.question, 1) for _ in range(3)]

    assert answers == [(1,)] * 3
    assert figures()["hit.near"] == 2
    assert len(cells.client.get(cells.generation(numbers.question)) or b"") == 16


def test_read__generation_of_another_length_vouches_for_nothing(
    cells: Cells, numbers: Numbers
) -> None:
    numbers.rows = {1: (1,)}
    reader = cells.process(numbers.declared)
    reader.get(numbers.question, 1)
    cells.client.set(cells.generation(numbers.question), b"short")
    figures()

    reader.get(numbers.question, 1)

    assert figures() == {"hit.cell": 1}
    assert len(cells.client.get(cells.generation(numbers.question)) or b"") == 16


def _held_at_fill(cells: Cells, numbers: Numbers) -> tuple[Gate, Process, Any]:
    """Return the gate, the process that holds a permit for key 1, and what it will answer."""
    owner = cells.process(numbers.declared)
    gate = owner.store.before["fill"] = Gate("the owner of the permit fills")
    answer = elsewhere(lambda: owner.get(numbers.question, 1))
    gate.wait_until_reached()
    figures()
    return gate, owner, answer


def test_read__permit_of_another_is_waited_for(
    cells: Cells, numbers: Numbers, settings: Settings
) -> None:
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "CACHE_WAIT_SECONDS": 5}
    numbers.rows = {1: (1,)}
    gate, _, owners = _held_at_fill(cells, numbers)
    reader = cells.process(numbers.declared)

    answer = elsewhere(lambda: reader.get(numbers.question, 1))
    wait_until(
        lambda: reader.store.calls.count("read") > 2,
        "the reader looked again",
        limit_seconds=LIMIT_SECONDS,
    )
    gate.open()

    assert answer.result(LIMIT_SECONDS) == owners.result(LIMIT_SECONDS) == (1,)
    assert numbers.loaded() == [[1]]
    assert figures() == {"fill.stored": 1, "hit.cell": 1, "miss.absent": 1}


def test_read__permit_is_waited_out_only_once(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: (1,)}
    gate, _, owners = _held_at_fill(cells, numbers)
    reader = cells.process(numbers.declared)

    first = reader.get(numbers.question, 1)
    looked = reader.store.taken_calls().count("read")
    second = reader.get(numbers.question, 1)
    gate.open()

    assert first == second == owners.result(LIMIT_SECONDS) == (1,)
    assert looked > 2
    assert reader.store.calls == ["read", "take", "read"]
    assert figures()["bypass.busy"] == 2


def test_read__what_is_not_ours_is_not_stored(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: (1,)}
    gate, _, owners = _held_at_fill(cells, numbers)
    reader = cells.process(numbers.declared)

    reader.get(numbers.question, 1)

    cell = cells.cell(numbers.question, 1) or b""
    assert is_permit(cell, cell[2 : 2 + INCARNATION_BYTES])
    gate.open()
    owners.result(LIMIT_SECONDS)


def test_read__no_wait_at_all(
    cells: Cells, numbers: Numbers, settings: Settings
) -> None:
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "CACHE_WAIT_SECONDS": 0}
    numbers.rows = {1: (1,)}
    gate, _, owners = _held_at_fill(cells, numbers)
    reader = cells.process(numbers.declared)

    answer = reader.get(numbers.question, 1)
    gate.open()

    assert answer == owners.result(LIMIT_SECONDS)
    assert reader.store.calls == ["read", "take", "read"]


def test_read__memory_is_full(
    cells: Cells, numbers: Numbers, settings: Settings, own_redis: Servers
) -> None:
    url = f"{own_redis.environment['WORKFLOW_TEST_REDIS_URL']}/0"
    settings.CACHES = {**settings.CACHES, "full": redis_cache(url)}
    numbers.rows = {1: (1,), 2: (2,)}
    reader = Process("full", numbers.declared)
    reader.get(numbers.question, 2)
    with redis.Redis.from_url(url) as client:
        client.config_set("maxmemory", 1)
    figures()

    answers = reader.get_many(numbers.question, [1, 2])

    assert answers == {1: (1,), 2: (2,)}
    assert figures() == {"bypass.full": 1, "hit.near": 1, "refused.oom": 1}

    numbers.rows = {1: (3,), 2: (4,)}
    reader.forget(numbers.question, 1, 2)

    assert reader.get_many(numbers.question, [1, 2]) == {1: (3,), 2: (4,)}
    reader.store.close()


def test_read__value_is_too_large(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: tuple(range(MOST_VALUE_BYTES // 4)), 2: (2,)}
    reader = cells.process(numbers.declared)

    answers = reader.get_many(numbers.question, [1, 2])

    assert answers == numbers.rows
    assert cells.cell(numbers.question, 1) is None
    assert figures() == {"miss.absent": 2, "fill.stored": 1, "refused.too_large": 1}
    assert reader.get(numbers.question, 1) == numbers.rows[1]


def test_read__load_raises(cells: Cells, numbers: Numbers) -> None:
    def fail() -> None:
        raise ValueError("no such table")

    numbers.rows = {1: (1,), 2: (2,)}
    reader = cells.process(numbers.declared)
    reader.get(numbers.question, 2)
    numbers.on_load = fail
    with pytest.raises(ValueError, match="no such table"):
        reader.get_many(numbers.question, [1, 2])
    numbers.on_load = lambda: None
    reader.store.taken_calls()

    assert cells.cell(numbers.question, 1) is None
    assert reader.get(numbers.question, 1) == (1,)
    assert reader.store.calls == ["read", "take", "fill"]


def test_read__load_is_slower_than_its_permit(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: (1,)}
    slow, other = cells.process(numbers.declared), cells.process(numbers.declared)
    gate = other.store.before["fill"] = Gate("the holder of the newer permit fills")
    others: list[Any] = []

    def outlast() -> None:
        numbers.on_load = lambda: None
        cells.evict(numbers.question, 1)  # the permit has expired
        others.append(elsewhere(lambda: other.get(numbers.question, 1)))
        gate.wait_until_reached()

    numbers.on_load = outlast
    answer = slow.get(numbers.question, 1)
    permit = cells.cell(numbers.question, 1) or b""
    counted = figures()
    gate.open()

    assert answer == others[0].result(LIMIT_SECONDS) == (1,)
    assert counted == {"refused.other": 1, "miss.absent": 1}
    assert len(permit) == PERMIT_BYTES
    filled = cells.cell(numbers.question, 1) or b""
    assert filled[2:PERMIT_BYTES] == permit[2:]


def test_read__empty_answers_are_hits(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: (1,)}
    cells.process(numbers.declared).get_many(numbers.question, [1, 2])
    reader = cells.process(numbers.declared)
    figures()

    for _ in range(2):
        reader.get_many(numbers.question, [1, 2])

    assert figures() == {"hit.cell": 2, "hit.near": 2, "empty": 2}
    life_ms: Any = cells.client.pttl(cells.name(numbers.question, 2))
    assert 0 < life_ms <= 66_000
