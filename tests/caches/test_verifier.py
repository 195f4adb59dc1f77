"""The verifier calls stale what is stale, and nothing that a write has just moved."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from tests.caches.gates import LIMIT_SECONDS
from tests.caches.processes import Cells, Numbers, Process, figures
from tests.waiting import wait_until
from workflow_engine.caches.coherence.rows import RowCoherence
from workflow_engine.caches.look_up import LookUp
from workflow_engine.caches.verifier import (
    MOST_WAITING,
    Verdict,
    Verifier,
    verifier,
    verify,
)
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.models import CacheGeneration

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]


@pytest.fixture(autouse=True)
def _short_grace(cells: Cells, settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {
        **settings.WORKFLOW_ENGINE,
        "CACHE_VERIFY_GRACE_SECONDS": 0.1,
    }


@pytest.fixture
def process(cells: Cells, numbers: Numbers) -> Process:
    numbers.rows = {1: (1,)}
    made = cells.process(numbers.declared)
    made.get(numbers.question, 1)
    figures()
    return made


def verdict(process: Process, numbers: Numbers) -> Verdict:
    return verify(process.coherence, numbers.question, 1)


def test_verify__equal(process: Process, numbers: Numbers) -> None:
    assert verdict(process, numbers) is Verdict.EQUAL
    assert figures() == {"verify.checked": 1, "verify.equal": 1}


def test_verify__nothing_is_cached(process: Process, numbers: Numbers) -> None:
    process.forget(numbers.question, 1)
    numbers.loaded(), figures()

    found = verdict(process, numbers)

    assert found is Verdict.ABSENT
    assert numbers.loads == []
    assert figures() == {"verify.absent": 1}


def test_verify__stale(
    process: Process, numbers: Numbers, caplog: pytest.LogCaptureFixture
) -> None:
    numbers.rows[1] = (2,)

    with caplog.at_level(logging.ERROR):
        found = verdict(process, numbers)

    assert found is Verdict.STALE
    assert figures() == {
        "verify.checked": 1,
        "verify.stale": 1,
        "forgot.verifier": 1,
    }
    (record,) = caplog.records
    assert vars(record)["access"] == "numbers"
    assert vars(record)["key"] == "1"
    assert 0 <= vars(record)["age_seconds"] < 600
    assert vars(record)["outbox_rows"] == 0
    assert process.get(numbers.question, 1) == (2,)
    assert verdict(process, numbers) is Verdict.EQUAL


def _at_load(numbers: Numbers, number: int, call: Callable[[], Any]) -> None:
    """Do something right after the load of a number from now."""
    already = len(numbers.loads)

    def on_load() -> None:
        if len(numbers.loads) == already + number:
            numbers.on_load = lambda: None
            call()

    numbers.on_load = on_load


@pytest.mark.parametrize("number", [1, 2], ids=["before the grace", "after it"])
@pytest.mark.parametrize("is_filled_anew", [False, True], ids=["gone", "filled anew"])
def test_verify__a_write_is_under_way(
    cells: Cells,
    process: Process,
    numbers: Numbers,
    number: int,
    is_filled_anew: bool,
) -> None:
    writer = cells.process(numbers.declared)

    def complete() -> None:
        writer.forget(numbers.question, 1)
        if is_filled_anew:
            writer.get(numbers.question, 1)

    numbers.rows[1] = (2,)  # committed, and not yet forgotten
    _at_load(numbers, number, complete)
    found = verdict(process, numbers)

    assert found is Verdict.MOVED
    counted = figures()
    assert counted["verify.moved"] == counted["verify.checked"] == 1


def test_verify__the_row_came_back(process: Process, numbers: Numbers) -> None:
    numbers.rows[1] = (2,)
    _at_load(numbers, 1, lambda: numbers.rows.update({1: (1,)}))

    found = verdict(process, numbers)

    assert found is Verdict.EQUAL


def test_verify__a_near_copy_that_stands_wrongly(
    cells: Cells, process: Process, numbers: Numbers
) -> None:
    process.get(numbers.question, 1)
    cells.evict(numbers.question, 1)
    numbers.rows[1] = (2,)
    cells.process(numbers.declared).get(numbers.question, 1)

    found = verdict(process, numbers)

    assert found is Verdict.STALE
    assert process.get(numbers.question, 1) == (2,)


def test_verify__without_redis(numbers: Numbers) -> None:
    coherence = RowCoherence("default", numbers.declared)

    def get() -> Any:
        return LookUp(numbers.question, coherence=coherence).get_many(
            numbers.question, [1]
        )[1]

    numbers.rows = {1: (1,)}
    get(), get()
    numbers.rows = {1: (2,)}

    found = verify(coherence, numbers.question, 1)

    assert found is Verdict.STALE
    assert get() == (2,)
    assert CacheGeneration.objects.count() == 1


def test_sample__every_hit(
    process: Process, numbers: Numbers, settings: Settings
) -> None:
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "CACHE_VERIFY_SHARE": 1}
    numbers.rows[1] = (2,)
    answers = []

    def is_found() -> bool:
        answers.append(process.get(numbers.question, 1))
        verifier.drain()
        return bool(answers[-1] == (2,))

    wait_until(is_found, "the planted value was found", limit_seconds=LIMIT_SECONDS)

    assert answers[0] == (1,)
    counted = figures()
    assert counted["verify.stale"] == 1
    assert counted.get("verify.moved", 0) == 0


def test_sample__none(process: Process, numbers: Numbers) -> None:
    for _ in range(50):
        process.get(numbers.question, 1)
    verifier.drain()

    assert "verify.checked" not in figures()


def test_sample__waits_no_longer_than_there_is_room(
    process: Process, numbers: Numbers
) -> None:
    own = Verifier()
    may_go = threading.Event()
    numbers.on_load = lambda: may_go.wait(LIMIT_SECONDS)
    keys = range(MOST_WAITING + 10)
    for key in keys:
        cells_of = {key: (0,)}
        own.compare(process.coherence, numbers.question, cells_of, {key: (1,)})
    dropped = figures()["shadow.dropped"]
    may_go.set()
    own.drain()

    assert dropped >= 9


def test_sample__the_cache_is_away(process: Process, numbers: Numbers) -> None:
    def lose() -> None:
        raise CacheUnavailable("timeout", "no reply in time")

    own = Verifier()
    process.store.before["read"] = lose

    own.compare(process.coherence, numbers.question, {1: (0,)}, {1: (1,)})
    own.drain()

    assert figures()["shadow.timeout"] == 1


def test_sample__an_error_ends_nothing(
    process: Process, numbers: Numbers, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        numbers.on_load = lambda: None
        raise ValueError("no such table")

    own = Verifier()
    numbers.on_load = fail
    for _ in range(2):
        own.compare(process.coherence, numbers.question, {1: (0,)}, {1: (1,)})
        own.drain()

    counted = figures()
    assert counted["shadow.error"] == 1
    assert counted["shadow.equal"] == 1
