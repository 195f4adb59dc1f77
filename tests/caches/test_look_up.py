"""A look-up: every key once, from the cache or past it; answers kept only of what stands."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

from tests.caches.processes import Cells, Numbers, Process, figures
from workflow_engine.caches.look_up import LookUp
from workflow_engine.caches.verifier import verifier

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]

Set = Callable[..., None]


@pytest.fixture
def set_(settings: Settings, cells: Cells) -> Set:
    def change(**values: Any) -> None:
        settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, **values}

    return change


@pytest.fixture
def process(cells: Cells, numbers: Numbers) -> Process:
    numbers.rows = {1: (1,), 2: (2,), 3: (3,)}
    return cells.process(numbers.declared)


def test_get_many__every_key_once_in_the_order_first_given(
    process: Process, numbers: Numbers
) -> None:
    process.get(numbers.question, 2)

    answers = process.get_many(numbers.question, iter([3, 2, 3, 7, 1, 2]))  # type: ignore[arg-type] # any iterable

    assert list(answers.items()) == [(3, (3,)), (2, (2,)), (7, ()), (1, (1,))]
    assert numbers.loads == [[2], [3, 7, 1]]


def test_get_many__no_keys(process: Process, numbers: Numbers) -> None:
    figures()

    answers = process.get_many(numbers.question, [])

    assert answers == {}
    assert process.store.calls == []
    assert numbers.loads == []
    assert figures() == {}


def test_get_many__costs_nothing_before_it_is_asked(
    process: Process, numbers: Numbers
) -> None:
    process.look_up(numbers.question)

    assert process.store.calls == []


def test_mode__disabled(process: Process, numbers: Numbers, set_: Set) -> None:
    process.get(numbers.question, 1)
    process.store.taken_calls()
    figures()
    set_(CACHE_MODE="disabled")
    numbers.rows[1] = (10,)

    answer = process.get(numbers.question, 1)

    assert answer == (10,)
    assert process.store.calls == []
    assert figures() == {"bypass.mode": 1}


def test_mode__of_one_access_alone(
    cells: Cells, process: Process, numbers: Numbers, set_: Set
) -> None:
    other = Numbers("others")
    set_(CACHE_MODE={"others": "disabled"})

    for _ in range(2):
        process.get(numbers.question, 1)
        process.get(other.question, 1)

    assert other.loads == [[1], [1]]
    assert numbers.loads == [[1]]


def test_mode__writers_forget_in_every_mode(
    process: Process, numbers: Numbers, set_: Set
) -> None:
    process.get(numbers.question, 1)
    set_(CACHE_MODE="disabled")
    numbers.rows[1] = (10,)

    process.forget(numbers.question, 1)
    set_(CACHE_MODE="enabled")

    assert process.get(numbers.question, 1) == (10,)


def test_mode__shadow_answers_from_the_database_and_fills(
    cells: Cells, process: Process, numbers: Numbers, set_: Set
) -> None:
    set_(CACHE_MODE="shadow")

    answers = [process.get_many(numbers.question, [1, 2]) for _ in range(2)]

    assert answers == [{1: (1,), 2: (2,)}] * 2
    assert cells.cell(numbers.question, 1) is not None
    counted = figures()
    assert (counted["shadow.checked"], counted["shadow.equal"]) == (4, 4)
    assert (counted["miss.absent"], counted["hit.near"]) == (2, 2)


def test_mode__shadow_finds_a_planted_value_once(
    process: Process, numbers: Numbers, set_: Set, caplog: pytest.LogCaptureFixture
) -> None:
    process.get_many(numbers.question, [1, 2])
    set_(CACHE_MODE="shadow", CACHE_VERIFY_GRACE_SECONDS=0.1)
    numbers.rows[1] = (10,)  # and nobody said so
    figures()

    answer = process.get_many(numbers.question, [1, 2])
    verifier.drain()
    again = process.get_many(numbers.question, [1, 2])
    verifier.drain()

    assert answer == again == {1: (10,), 2: (2,)}
    counted = figures()
    assert counted["shadow.stale"] == 1
    assert counted["forgot.verifier"] == 1
    (record,) = (one for one in caplog.records if "stale" in one.message)
    assert record.levelname == "ERROR"
    set_(CACHE_MODE="enabled")
    assert process.get(numbers.question, 1) == (10,)


@pytest.mark.parametrize("how", ["atomic", "autocommit off"])
def test_transaction__asks_the_database_alone(
    cells: Cells, process: Process, numbers: Numbers, how: str
) -> None:
    process.get(numbers.question, 1)
    process.store.taken_calls()
    figures()
    numbers.rows[1] = (10,)

    if how == "atomic":
        with transaction.atomic():
            answer = process.get(numbers.question, 1)
    else:
        transaction.set_autocommit(False)
        try:
            answer = process.get(numbers.question, 1)
        finally:
            transaction.rollback()
            transaction.set_autocommit(True)

    assert answer == (10,)
    assert process.store.calls == []
    assert figures() == {"bypass.transaction": 1}
    assert process.get(numbers.question, 1) == (1,)


class Pair:
    """Two questions asked together, and an answer made of both."""

    def __init__(self, process: Process, first: Numbers, second: Numbers) -> None:
        self.process = process
        self.first, self.second = first, second

    def look_up(self) -> LookUp:
        return self.process.look_up(self.first.question, self.second.question)

    def ask(self, keys: list[int], *, keeps: bool = True) -> dict[int, Any]:
        """Answer as a look-up of several questions does."""
        look_up = self.look_up()
        kept = look_up.kept("sum", keys)
        if kept is not None:
            return kept
        first = look_up.get_many(self.first.question, keys)
        second = look_up.get_many(self.second.question, keys)
        answers = {key: (*first[key], *second[key]) for key in keys}
        if keeps:
            look_up.keep("sum", answers)
        return answers

    def is_kept(self, keys: list[int]) -> bool:
        return self.look_up().kept("sum", keys) is not None


@pytest.fixture
def pair(process: Process, numbers: Numbers) -> Pair:
    others = Numbers("others")
    others.rows = {1: (10,), 2: (20,)}
    numbers.declared.add(others.question)
    return Pair(process, numbers, others)


def test_kept__only_of_standing_copies(pair: Pair) -> None:
    kept = []
    for _ in range(3):
        assert pair.ask([1, 2]) == {1: (1, 10), 2: (2, 20)}
        kept.append(pair.is_kept([1, 2]))

    assert kept == [False, True, True]
    assert pair.is_kept([2])
    assert not pair.is_kept([1, 3])
    assert pair.look_up().kept("product", [1]) is None


def test_kept__costs_one_round_trip(pair: Pair) -> None:
    for _ in range(2):
        pair.ask([1, 2])
    pair.process.store.taken_calls()
    figures()

    pair.ask([1, 2])

    assert pair.process.store.calls == ["read"]
    assert figures() == {"hit.near": 2}


def test_kept__empty_answers_count_as_such(pair: Pair) -> None:
    for _ in range(2):
        assert pair.ask([1, 9]) == {1: (1, 10), 9: ()}
    figures()

    assert pair.is_kept([1, 9])

    assert figures() == {"hit.near": 2, "empty": 1}


@pytest.mark.parametrize("which", ["first", "second"])
def test_kept__falls_with_either_generation(
    cells: Cells, pair: Pair, which: str
) -> None:
    for _ in range(2):
        pair.ask([1, 2])
    spoiled: Numbers = getattr(pair, which)
    spoiled.rows[1] = (7,)
    other = cells.process(spoiled.declared)
    other.forget(spoiled.question, 1)

    answers = pair.ask([1, 2])

    expected = {"first": (7, 10), "second": (1, 7)}[which]
    assert answers == {1: expected, 2: (2, 20)}


@pytest.mark.parametrize("which", ["first", "second"])
def test_kept__falls_with_an_own_forget(pair: Pair, which: str, set_: Set) -> None:
    set_(NEAR_MAX_STALENESS=60)
    for _ in range(3):
        pair.ask([1, 2])
    spoiled: Numbers = getattr(pair, which)
    spoiled.rows[1] = (7,)
    pair.process.forget(spoiled.question, 1)

    answers = pair.ask([1, 2])

    expected = {"first": (7, 10), "second": (1, 7)}[which]
    assert answers == {1: expected, 2: (2, 20)}


def test_keep__after_a_miss(pair: Pair) -> None:
    pair.ask([1])
    pair.ask([1], keeps=False)
    pair.ask([1, 2])

    assert not pair.is_kept([1])


def test_keep__where_nothing_vouches(cells: Cells, pair: Pair) -> None:
    for _ in range(2):
        pair.ask([1], keeps=False)
    cells.evict_generation(pair.first.question)

    pair.ask([1])

    assert not pair.is_kept([1])


@pytest.mark.parametrize(
    "mode", ["disabled", "shadow", {"others": "shadow"}, {"numbers": "disabled"}]
)
def test_keep__in_another_mode(pair: Pair, set_: Set, mode: Any) -> None:
    for _ in range(2):
        pair.ask([1], keeps=False)
    set_(CACHE_MODE=mode)
    pair.ask([1])
    pair.ask([1])
    set_(CACHE_MODE="enabled")

    assert not pair.is_kept([1])


@pytest.mark.parametrize("mode", ["disabled", "shadow", {"others": "shadow"}])
def test_kept__in_another_mode(pair: Pair, set_: Set, mode: Any) -> None:
    for _ in range(2):
        pair.ask([1])
    set_(CACHE_MODE=mode)
    pair.first.rows[1] = (7,)

    assert not pair.is_kept([1])
    assert pair.ask([1])[1][0] == (1 if mode == {"others": "shadow"} else 7)


def test_kept__in_a_transaction(pair: Pair) -> None:
    for _ in range(2):
        pair.ask([1])
    pair.first.rows[1] = (7,)

    with transaction.atomic():
        inside = pair.ask([1])

    assert inside == {1: (7, 10)}
    pair.first.rows[1] = (1,)
    assert pair.ask([1]) == {1: (1, 10)}


def test_kept__within_the_bound_of_copies(pair: Pair, set_: Set) -> None:
    set_(NEAR_ENTRIES=4)
    for key in range(40):
        pair.ask([key % 3 + 1])

    moment = pair.process.coherence.moment((pair.first.question, pair.second.question))
    assert moment.group.kept.count <= 8


PROGRAM = """
import random, sys
import django
from django.conf import settings
settings.WORKFLOW_ENGINE = {
    "CACHE_ALIAS": "default",
    "CACHE_PREFIX": sys.argv[1],
    "CACHE_WAIT_SECONDS": 0.01,
    "NEAR_ENTRIES": 20,
}
settings.CACHES["default"]["OPTIONS"] = {"SOCKET_TIMEOUT": 10, "SOCKET_CONNECT_TIMEOUT": 10}
django.setup()
from django.db import connections, transaction
from django.test import override_settings
from tests.caches.processes import Numbers, Process, figures
from workflow_engine.exceptions import CacheUnavailable
numbers = Numbers()
numbers.rows = {key: (key,) for key in range(0, 60, 2)}
process = Process("default", numbers.declared)
luck = random.Random(int(sys.argv[2]))
modes = [
    override_settings(WORKFLOW_ENGINE={**settings.WORKFLOW_ENGINE, "CACHE_MODE": mode})
    for mode in ("disabled", "shadow")
]
def lose():
    del process.store.before["read"]
    raise CacheUnavailable("timeout", "lost")
figures()
asked = empty = 0
for turn in range(300):
    keys = luck.sample(range(60), luck.randint(1, 8))
    asked += len(keys)
    way = luck.random()
    if way < 0.1:
        process.forget(numbers.question, *keys)
    elif way < 0.15:
        process.store.before["read"] = lose
    if way > 0.9:
        with transaction.atomic():
            found = process.get_many(numbers.question, keys)
    elif way > 0.8:
        with modes[turn % 2]:
            found = process.get_many(numbers.question, keys)
    else:
        found = process.get_many(numbers.question, keys)
    assert found == {key: numbers.rows.get(key, ()) for key in keys}
connections.close_all()
counted = figures()
ended = {
    word: sum(n for name, n in counted.items() if name.split(".")[0] == word)
    for word in ("hit", "miss", "bypass", "empty")
}
print(asked, *ended.values(), flush=True)
"""


def test_counters__keys_asked_are_hits_misses_and_bypasses(
    child_environment: dict[str, str], cells: Cells, settings: Settings
) -> None:
    prefix = settings.WORKFLOW_ENGINE["CACHE_PREFIX"]
    children = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, prefix, str(number)],
            env=child_environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]

    lines = [child.communicate(timeout=90)[0].split() for child in children]

    assert [len(line) for line in lines] == [5] * 4
    for asked, hit, miss, bypass, empty in (map(int, line) for line in lines):
        assert asked == hit + miss + bypass
        assert min(hit, miss, bypass, empty) > 0
        assert empty <= hit
