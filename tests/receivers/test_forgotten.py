"""What was forgotten is noted: which entries, why, by whose change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

from tests.caches.processes import Cells, Numbers
from tests.factories import DetectorFactory
from tests.models.outbox import run
from workflow_engine.author import authored
from workflow_engine.caches.coherence import Coherence
from workflow_engine.caches.coherence.rows import RowCoherence
from workflow_engine.caches.declared import declared
from workflow_engine.caches.entries import Entries
from workflow_engine.metrics.counts import counts
from workflow_engine.metrics.forgets import forgets
from workflow_engine.models import Detector
from workflow_engine.receivers import connect, disconnect

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["rows", pytest.param("cells", marks=pytest.mark.redis)])
def coherence(request: pytest.FixtureRequest, numbers: Numbers) -> Iterator[Coherence]:
    """Yield what hears of this test's writes: of a process with Redis, and of one without."""
    made: Any = RowCoherence("default", numbers.declared)
    if request.param == "cells":
        cells: Cells = request.getfixturevalue("cells")
        made = cells.process(numbers.declared).coherence
    disconnect(declared)
    connect(numbers.declared, lambda: made)
    yield made
    disconnect(numbers.declared)
    connect(declared)


def noted() -> list[tuple[Any, ...]]:
    """Return what was noted since this was last asked, the moments left out."""
    return [
        (one.access, one.cause, one.count, one.keys, one.is_cut, one.rows, one.author)
        for one in forgets.take()
        if one.access == "numbers"
    ]


def test_note__author_and_row_of_each_kind_of_write(coherence: Coherence) -> None:
    row = DetectorFactory()
    key = str(row.pk)
    one = ("numbers", 1, (key,), False, (key,))
    forgets.take(), counts.take()

    with transaction.atomic():
        with authored("ada"):
            row.save()
        during = noted()
    with authored("eve"):
        Detector.objects.filter(pk=row.pk).update(enabled=False)
    row.delete()

    access, *facts = one
    assert during == []
    assert noted() == [
        (access, "save:detector", *facts, "ada"),
        (access, "bulk:detector", *facts, "eve"),
        (access, "delete:detector", *facts, ""),
    ]
    counted = {
        (figure.counter, figure.reason): figure.count
        for figure in counts.take()
        if figure.counter == "forgot" and figure.scope == "numbers"
    }
    assert counted == {
        ("forgot", "save:detector"): 1,
        ("forgot", "bulk:detector"): 1,
        ("forgot", "delete:detector"): 1,
    }


def test_note__by_hand(coherence: Coherence, numbers: Numbers) -> None:
    some, everything = Entries(), Entries()
    some.add(numbers.question, range(100, 130))
    everything.add_all(numbers.question)
    forgets.take()

    with authored("ada"):
        coherence.forget(some, "hand")
        coherence.forget(everything, "hand")

    (access, cause, count, keys, *others), whole = noted()
    assert (access, cause, count, others) == (
        "numbers",
        "hand",
        30,
        [True, (), "ada"],
    )
    assert len(set(keys)) == 20
    assert set(keys) <= set(map(str, range(100, 130)))
    assert whole == ("numbers", "hand", None, (), True, (), "ada")


def test_note__switched_off(coherence: Coherence, settings: Settings) -> None:
    row = DetectorFactory()
    forgets.take()
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "METRICS": False}

    row.save()

    assert noted() == []


@pytest.mark.postgres
@pytest.mark.redis
def test_note__what_others_owed_has_no_author(cells: Cells, numbers: Numbers) -> None:
    row = DetectorFactory()
    process = cells.process(numbers.declared)
    run("UPDATE workflow_engine_detector SET enabled = FALSE WHERE id = %s", row.pk)
    forgets.take()

    with authored("ada"):
        process.coherence.sweep()

    key = str(row.pk)
    assert noted() == [("numbers", "sweep:detector", 1, (key,), False, (key,), "")]
