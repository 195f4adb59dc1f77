"""What cannot be stored costs nobody an answer, and leaves no permit behind."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction

from tests.caches.processes import Cells, Numbers, figures
from workflow_engine.caches import CacheMapping, Direct
from workflow_engine.caches.declared import Declared
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.question import Question
from workflow_engine.models import CacheOutbox, Detector

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]


@pytest.mark.parametrize("odd", [2**70, "\ud800"], ids=["huge number", "surrogate"])
def test_fill__an_answer_that_no_cell_can_hold(cells: Cells, odd: Any) -> None:
    numbers = Numbers(value_type=Any)
    numbers.rows = {1: odd, 2: 5}
    process = cells.process(numbers.declared)

    answers = process.get_many(numbers.question, [1, 2])
    counted = figures()

    assert answers == {1: odd, 2: 5}
    assert counted == {"miss.absent": 2, "refused.unencodable": 1, "fill.stored": 1}
    assert cells.cell(numbers.question, 1) is None
    numbers.loaded()
    assert process.get_many(numbers.question, [1, 2]) == answers
    assert numbers.loaded() == [[1]]


def test_forget__a_key_without_a_name_forgets_the_whole_access(cells: Cells) -> None:
    def suffix(key: int) -> str:
        if key < 0:
            message = "no name"
            raise ZeroDivisionError(message)
        return str(key)

    rows = {1: 10, 2: 20}
    declared = Declared()
    question: Question[int, int] = Question(
        CacheMapping("numbers", suffix),
        load=lambda keys: {key: rows[key] for key in keys},
        depends_on={Detector: Direct(("id",), lambda row: {row["id"]})},
        value_type=int,
    )
    declared.add(question)
    process = cells.process(declared)
    process.get_many(question, [1, 2])
    rows.update({1: 11, 2: 22})
    owed = Entries()
    owed.add(question, [1, -1])

    is_settled = process.coherence.settle("default", {"save": owed})

    assert is_settled
    assert process.coherence.gate.is_open
    assert process.get_many(question, [1, 2]) == {1: 11, 2: 22}
    assert figures()["forgot_all.save"] == 1


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_settle__any_error_closes_the_gate(
    cells: Cells,
    numbers: Numbers,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
) -> None:
    process = cells.process(numbers.declared)

    def broken(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(process.store, "unlink", broken)
    owed = Entries()
    owed.add(numbers.question, [1])

    with pytest.raises(error):
        process.coherence.settle("default", {"save": owed})

    assert not process.coherence.gate.is_open


@pytest.mark.postgres
def test_settle__rows_that_a_sweep_holds_close_the_gate(
    cells: Cells, numbers: Numbers
) -> None:
    process = cells.process(numbers.declared)
    owed = Entries()
    owed.add(numbers.question, [1])
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            list(CacheOutbox.objects.select_for_update())
            held.set()
            let_go.wait(30)
        connection.close()

    CacheOutbox.objects.create(source=Detector._meta.db_table)
    sweep = threading.Thread(target=hold)
    sweep.start()
    assert held.wait(30)

    is_settled = process.coherence.settle("default", {"save": owed})
    is_open = process.coherence.gate.is_open
    let_go.set()
    sweep.join(30)

    assert not is_settled
    assert not is_open
    assert CacheOutbox.objects.count() == 1
