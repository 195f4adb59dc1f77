"""How it was done, counted: permits, generations, bytes, and whose server it was."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from tests.caches.gates import LIMIT_SECONDS, Gate
from tests.caches.processes import HOW, Cells, Numbers
from tests.queue.threads import elsewhere
from tests.waiting import wait_until
from workflow_engine.caches.cell import new_permit
from workflow_engine.caches.coherence.reigns import Reigns
from workflow_engine.caches.coherence.rows import RowCoherence
from workflow_engine.caches.look_up import LookUp
from workflow_engine.metrics.counts import counts
from workflow_engine.models import CacheGeneration

pytestmark = pytest.mark.django_db(transaction=True)

KEYS = [1, 2, 3]


def how() -> dict[str, Any]:
    """Return how it was done since this was last asked; with what it came to, if anything."""
    return {
        f"{one.counter}.{one.reason}": (one.count, one.total)
        if one.counter == "bytes"
        else one.count
        for one in counts.take()
        if one.counter in HOW and not one.counter.startswith("load")
    }


@pytest.mark.redis
def test_read__permits_generations_and_bytes(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: (1,), 2: tuple(range(50))}
    first, second = (cells.process(numbers.declared) for _ in range(2))
    read = []
    for process in (first, second, second):
        process.get_many(numbers.question, KEYS)
        read.append(how())
    first.forget(numbers.question, 1)
    second.get_many(numbers.question, KEYS)
    read.append(how())
    stored = [cells.cell(numbers.question, key) or b"" for key in KEYS]
    one, everything = len(stored[0]), sum(map(len, stored))

    assert read == [
        {
            "permit.taken": 3,
            "generation.missing": 1,
            "bytes.stored": (3, everything),
        },
        {"generation.changed": 1, "bytes.read": (3, everything)},
        {"generation.unchanged": 1},
        {
            "permit.taken": 1,
            "generation.missing": 1,
            "bytes.read": (2, everything - one),
            "bytes.stored": (1, one),
        },
    ]


@pytest.mark.redis
def test_read__waited_for_another(
    cells: Cells, numbers: Numbers, settings: Settings
) -> None:
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "CACHE_WAIT_SECONDS": 5}
    owner, reader = (cells.process(numbers.declared) for _ in range(2))
    gate = owner.store.before["fill"] = Gate("the owner of two permits fills")
    filling = elsewhere(lambda: owner.get_many(numbers.question, [1, 2]))
    gate.wait_until_reached()

    waiting = elsewhere(lambda: reader.get_many(numbers.question, KEYS))
    wait_until(
        lambda: reader.store.calls.count("read") > 2,
        "the reader looked again",
        limit_seconds=LIMIT_SECONDS,
    )
    gate.open()

    assert waiting.result(LIMIT_SECONDS) == {1: (), 2: (), 3: ()}
    filling.result(LIMIT_SECONDS)
    counted = how()
    assert (counted["permit.taken"], counted["permit.waited"]) == (3, 2)


@pytest.mark.redis
def test_read__waited_in_vain(
    cells: Cells, numbers: Numbers, settings: Settings
) -> None:
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "CACHE_WAIT_SECONDS": 0}
    reader = cells.process(numbers.declared)
    permit = new_permit(reader.store.ask_server().incarnation)
    cells.put(numbers.question, 1, permit)

    reader.get_many(numbers.question, [1])

    counted = how()
    assert counted.pop("bytes.read")[1] >= len(permit)
    assert counted == {"generation.missing": 1}


def test_rows__generations(numbers: Numbers) -> None:
    coherence = RowCoherence("default", numbers.declared)
    CacheGeneration.objects.all().delete()
    counts.take()
    read = []

    for change in (None, None, CacheGeneration.objects.renew):
        if change is not None:
            change()
        LookUp(numbers.question, coherence=coherence).get_many(numbers.question, KEYS)
        read.append(how())

    assert read == [
        {"generation.missing": 1},
        {"generation.changed": 1},
        {"generation.changed": 1},
    ]
    LookUp(numbers.question, coherence=coherence).get_many(numbers.question, KEYS)
    assert how() == {"generation.unchanged": 1}


def test_reigns__another_one_is_counted_once() -> None:
    reigns = Reigns()
    counts.take()

    for incarnation in (b"a", b"a", b"b", b"a", b"b"):
        reigns.meet(incarnation)

    assert [(one.counter, one.reason, one.count) for one in counts.take()] == [
        ("incarnation", "changed", 1)
    ]
