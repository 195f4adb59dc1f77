"""An access asks its `load` once, and answers every key it was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from settings.base import redis_cache
from tests.caches.processes import Cells
from tests.caches.questions import numbers
from workflow_engine.caches import CacheAccess, CacheMapping, Direct, Resolved, Row
from workflow_engine.caches.coherence.hook import forget_by_hand
from workflow_engine.caches.declared import Declared
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.question import STATEMENT_KEYS
from workflow_engine.exceptions import AccessDeclaredTwice, CacheUnavailable
from workflow_engine.models import Action, CacheOutbox, Detector

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]


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


def test_get__one_key(
    cells: Cells, doubles: CacheAccess[int, int], asked: Asked
) -> None:
    answer = doubles.get(4)

    assert answer == 8
    assert asked.calls == [[4]]


@pytest.mark.parametrize("ask", ["get_many", "load"])
def test_get_many__keys_given_twice(
    cells: Cells, doubles: CacheAccess[int, int], asked: Asked, ask: str
) -> None:
    answers = getattr(doubles, ask)(iter([3, 1, 3, 2, 1]))

    assert list(answers.items()) == [(3, 6), (1, 2), (2, 4)]
    assert asked.calls == [[3, 1, 2]]


@pytest.mark.parametrize("ask", ["get_many", "load"])
def test_get_many__no_keys(
    cells: Cells, doubles: CacheAccess[int, int], asked: Asked, ask: str
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


@pytest.fixture
def careless() -> CacheAccess[int, int]:
    return CacheAccess(
        CacheMapping("careless", str),
        load=lambda _: {},
        depends_on={},
        value_type=int,
        among=Declared(),
    )


def test_load__a_key_left_out_is_an_error(
    cells: Cells, careless: CacheAccess[int, int]
) -> None:
    with pytest.raises(KeyError):
        careless.get_many([1])


def test_declared__twice() -> None:
    among = Declared()
    numbers("twice", among=among)

    with pytest.raises(AccessDeclaredTwice, match="twice"):
        numbers("twice", among=among)


@pytest.mark.parametrize("way", ["forget", "forget_all"])
def test_forget__the_next_answer_is_asked_for(
    cells: Cells, doubles: CacheAccess[int, int], asked: Asked, way: str
) -> None:
    doubles.get(1)
    doubles.get(1)
    before = asked.calls.copy()

    forget(doubles, way)
    doubles.get(1)

    assert before == [[1]]
    assert asked.calls == [[1], [1]]


@pytest.mark.parametrize("way", ["forget", "forget_all"])
def test_forget__in_a_transaction(
    cells: Cells, doubles: CacheAccess[int, int], asked: Asked, way: str
) -> None:
    doubles.get(1)

    with transaction.atomic():
        forget(doubles, way)
        within = doubles.peek(1).state
    after = doubles.peek(1).state

    assert (within, after) == ("value", "absent")


@pytest.mark.parametrize("way", ["forget", "forget_all"])
def test_forget__in_a_transaction_that_is_rolled_back(
    cells: Cells, doubles: CacheAccess[int, int], way: str
) -> None:
    doubles.get(1)
    nonce = doubles.peek(1).nonce

    with transaction.atomic():
        forget(doubles, way)
        transaction.set_rollback(True)

    assert doubles.peek(1).nonce == nonce != ""


@pytest.mark.parametrize("way", ["forget", "forget_all"])
def test_forget__redis_is_away(
    away: None, doubles: CacheAccess[int, int], way: str
) -> None:
    with pytest.raises(CacheUnavailable):
        forget(doubles, way)

    assert owed() == ([("workflow_engine_detector", None)] if on_postgres() else [])


@pytest.mark.parametrize("way", ["forget", "forget_all"])
def test_forget__redis_is_away_in_a_transaction(
    away: None, doubles: CacheAccess[int, int], way: str
) -> None:
    with transaction.atomic():
        forget(doubles, way)
        within = owed()

    assert within == []
    assert owed() == ([("workflow_engine_detector", None)] if on_postgres() else [])


@pytest.mark.postgres
def test_forget__what_is_owed_is_forgotten_by_the_next_sweep(
    cells: Cells, doubles: CacheAccess[int, int], asked: Asked
) -> None:
    among = Declared()
    among.add(doubles)
    reader, other = cells.process(among), cells.process(among)
    reader.get(doubles, 1)

    def lose() -> None:
        raise CacheUnavailable("timeout", "no reply in time")

    other.store.before["unlink"] = lose
    entries = Entries()
    entries.add(doubles, [1])
    with pytest.raises(CacheUnavailable):
        forget_by_hand(entries, lambda: other.coherence)
    hit = reader.get(doubles, 1), len(asked.calls)
    reader.coherence.sweep()
    reader.get(doubles, 1)

    assert hit == (2, 1)
    assert len(asked.calls) == 2
    assert owed() == []


def test_peek__one_entry(cells: Cells, doubles: CacheAccess[int, int]) -> None:
    before = doubles.peek(4)
    doubles.get(4)
    after = doubles.peek(4)

    assert (before.state, before.answers) == ("absent", ())
    assert (after.state, after.answers) == ("value", (8,))


def test_peek__redis_is_away(away: None, doubles: CacheAccess[int, int]) -> None:
    with pytest.raises(CacheUnavailable):
        doubles.peek(4)


def forget(access: CacheAccess[int, int], way: str) -> None:
    if way == "forget":
        access.forget([1, 2])
    else:
        access.forget_all()


def owed() -> list[tuple[str, Any]]:
    return list(CacheOutbox.objects.values_list("source", "rows"))


def on_postgres() -> bool:
    return connection.vendor == "postgresql"


@pytest.fixture
def away(settings: Settings) -> None:
    """Let Redis be where nobody is."""
    entry = redis_cache("redis://127.0.0.1:1/1")
    settings.CACHES = {**settings.CACHES, "away": entry}
    settings.WORKFLOW_ENGINE = {"CACHE_ALIAS": "away"}


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
