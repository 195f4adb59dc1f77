"""An access asks its `load` once, and answers every key it was asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from workflow_engine.caches import CacheAccess, CacheMapping, Direct, Resolved, Row
from workflow_engine.caches.declared import Declared
from workflow_engine.caches.question import STATEMENT_KEYS
from workflow_engine.models import Action, Detector


class Asked:
    """Doubles numbers, and keeps what it was asked."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.rows: list[tuple[list[Row], str]] = []

    def load(self, keys: Sequence[int]) -> dict[int, int]:
        self.calls.append(list(keys))
        return {key: 2 * key for key in reversed(keys)}

    def resolve(self, rows: Sequence[Row], using: str) -> set[int]:
        self.rows.append((list(rows), using))
        return {row["owner"] for row in rows}


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def doubles(asked: Asked) -> CacheAccess[int, int]:
    return CacheAccess(
        CacheMapping("doubles", str),
        load=asked.load,
        depends_on={
            Detector: Direct(("id",), lambda row: {row["id"]}),
            Action: Resolved(("owner",), asked.resolve),
        },
        value_type=int,
        among=Declared(),
    )


def test_get__one_key(doubles: CacheAccess[int, int], asked: Asked) -> None:
    answer = doubles.get(4)

    assert answer == 8
    assert asked.calls == [[4]]


@pytest.mark.parametrize("ask", ["get_many", "load"])
def test_get_many__keys_given_twice(
    doubles: CacheAccess[int, int], asked: Asked, ask: str
) -> None:
    answers = getattr(doubles, ask)(iter([3, 1, 3, 2, 1]))

    assert list(answers.items()) == [(3, 6), (1, 2), (2, 4)]
    assert asked.calls == [[3, 1, 2]]


@pytest.mark.parametrize("ask", ["get_many", "load"])
def test_get_many__no_keys(
    doubles: CacheAccess[int, int], asked: Asked, ask: str
) -> None:
    answers = getattr(doubles, ask)([])

    assert answers == {}
    assert asked.calls == []


def test_load__more_keys_than_a_statement_takes(
    doubles: CacheAccess[int, int], asked: Asked
) -> None:
    keys = range(STATEMENT_KEYS + 1)

    answers = doubles.load(keys)

    assert list(answers) == list(keys)
    assert [len(call) for call in asked.calls] == [STATEMENT_KEYS, 1]


def test_load__a_key_left_out_is_an_error() -> None:
    careless: CacheAccess[int, int] = CacheAccess(
        CacheMapping("careless", str), load=lambda _: {}, depends_on={}, value_type=int
    )

    with pytest.raises(KeyError):
        careless.get_many([1])


def test_forget__the_next_answer_is_asked_for(
    doubles: CacheAccess[int, int], asked: Asked
) -> None:
    doubles.get(1)
    doubles.forget([1])
    doubles.get(1)
    doubles.forget_all()
    doubles.get(1)

    assert asked.calls == [[1], [1], [1]]


def test_keys_of_rows__direct(doubles: CacheAccess[int, int]) -> None:
    keys = doubles.keys_of_rows(Detector, [{"id": 1}, {"id": 2}], "default")

    assert keys == {1, 2}


def test_keys_of_rows__resolved_for_many_rows_at_once(
    doubles: CacheAccess[int, int], asked: Asked
) -> None:
    rows: list[Row] = [{"owner": 1}, {"owner": 5}]

    keys = doubles.keys_of_rows(Action, rows, "other")

    assert keys == {1, 5}
    assert asked.rows == [(rows, "other")]


def test_keys_of_rows__nothing_to_resolve(
    doubles: CacheAccess[int, int], asked: Asked
) -> None:
    keys = doubles.keys_of_rows(Action, [], "default")

    assert keys == set()
    assert asked.rows == []
