"""Without Redis: one number in the database vouches for what processes remember."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.caches.gates import LIMIT_SECONDS, Gate
from tests.caches.processes import Numbers, figures
from tests.factories import DetectorFactory, WorkflowFactory
from tests.models.outbox import run
from tests.queue.threads import elsewhere, wait_until_somebody_waits
from workflow_engine.caches.coherence import current
from workflow_engine.caches.coherence.rows import RowCoherence
from workflow_engine.caches.declared import declared
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.look_up import LookUp
from workflow_engine.lookups import (
    detectors,
    workflow_ids_by_detector,
    workflows,
    workflows_for_detectors,
)
from workflow_engine.models import CacheGeneration, CacheOutbox, Workflow
from workflow_engine.types.snapshots import ABSENT

pytestmark = pytest.mark.django_db(transaction=True)

#: Whose entries a process without Redis never takes from the outbox.
KEPT = "workflow_engine_workflow"


class Process:
    """A process without Redis."""

    def __init__(self, among: Any = declared) -> None:
        self.coherence = RowCoherence("default", among)

    def get(self, question: Any, key: Any) -> Any:
        return self.get_many(question, [key])[key]

    def get_many(self, question: Any, keys: Any) -> Any:
        return LookUp(question, coherence=self.coherence).get_many(question, keys)


@pytest.fixture(autouse=True)
def _no_redis(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"CACHE_ALIAS": None, "CACHE_VERIFY_SHARE": 0}
    figures()


@pytest.fixture
def three() -> tuple[Process, Process, Process]:
    return Process(), Process(), Process()


@pytest.fixture
def workflow(three: tuple[Process, ...]) -> Workflow:
    """Return a workflow that three processes remember."""
    made = WorkflowFactory(name="old")
    for process in three * 2:
        assert process.get(workflows, made.pk).name == "old"
    return made


def names(three: tuple[Process, ...], workflow: Workflow) -> list[str]:
    return [process.get(workflows, workflow.pk).name for process in three]


def test_current__without_an_alias() -> None:
    assert isinstance(current(), RowCoherence)


@pytest.mark.parametrize("count", [1, 10, 501])
def test_cost__warm(numbers: Numbers, count: int) -> None:
    process = Process(numbers.declared)
    for _ in range(2):
        process.get_many(numbers.question, range(count))
    numbers.loaded()

    with CaptureQueriesContext(connection) as queries:
        process.get_many(numbers.question, range(count))

    assert len(queries) == 1
    assert numbers.loads == []


def test_cost__one_is_missing(numbers: Numbers) -> None:
    numbers.rows = {1: (1,)}
    process = Process(numbers.declared)
    process.get_many(numbers.question, [1, 2])
    process.get_many(numbers.question, [1, 2])
    numbers.loaded(), figures()

    answers = process.get_many(numbers.question, [3, 1, 2])

    assert list(answers.items()) == [(3, ()), (1, (1,)), (2, ())]
    assert numbers.loads == [[3]]
    assert figures() == {"hit.near": 2, "empty": 1, "miss.absent": 1}


def test_write__seen_by_every_process(
    three: tuple[Process, ...], workflow: Workflow
) -> None:
    workflow.name = "new"
    workflow.save()

    assert names(three, workflow) == ["new"] * 3


def test_rollback__changes_nothing(
    three: tuple[Process, ...], workflow: Workflow
) -> None:
    with transaction.atomic():
        workflow.name = "new"
        workflow.save()
        own = three[0].get(workflows, workflow.pk).name
        others = elsewhere(lambda: names(three[1:], workflow)).result(LIMIT_SECONDS)
        transaction.set_rollback(True)
    figures("workflows")

    assert own == "new"
    assert others == ["old"] * 2
    assert names(three, workflow) == ["old"] * 3
    assert figures("workflows") == {"hit.near": 3}


def test_flush__leaves_nothing(three: tuple[Process, ...], workflow: Workflow) -> None:
    call_command("flush", interactive=False, verbosity=0)

    answers = [process.get(workflows, workflow.pk) for process in three]

    assert answers == [ABSENT] * 3


def test_number__its_row_is_missing(
    three: tuple[Process, ...], workflow: Workflow
) -> None:
    CacheGeneration.objects.all().delete()
    Workflow.objects.filter(pk=workflow.pk).update(name="new")
    CacheGeneration.objects.all().delete()
    figures("workflows")

    for process in three:
        assert process.get(workflows, workflow.pk).name == "new"
    assert CacheGeneration.objects.count() == 1
    assert figures("workflows") == {"miss.absent": 3}
    assert names(three, workflow) == ["new"] * 3
    assert names(three, workflow) == ["new"] * 3
    assert figures("workflows")["hit.near"] >= 3


READ_ONLY = {
    "postgresql": (
        "SET default_transaction_read_only = on",
        "RESET default_transaction_read_only",
    ),
    "sqlite": ("PRAGMA query_only = on", "PRAGMA query_only = off"),
}


def test_number__its_row_is_missing_and_cannot_be_written(
    three: tuple[Process, ...], workflow: Workflow
) -> None:
    CacheGeneration.objects.all().delete()
    begin, end = READ_ONLY[connection.vendor]
    figures("")

    run(begin)
    try:
        answers = [names(three, workflow) for _ in range(2)]
    finally:
        run(end)

    assert answers == [["old"] * 3] * 2
    assert figures("") == {"error.generation": 6}
    assert names(three, workflow) == ["old"] * 3
    assert CacheGeneration.objects.count() == 1


def test_number__never_one_that_was_there(workflow: Workflow) -> None:
    seen = set()
    for number in range(20):
        workflow.name = str(number)
        workflow.save()
        seen.add(CacheGeneration.objects.get().generation)

    assert len(seen) == 20


def test_load__begun_before_a_write(numbers: Numbers) -> None:
    numbers.rows = {1: (0,)}
    process = Process(numbers.declared)
    process.get(numbers.question, 2)
    gate = numbers.on_load = Gate("a reader has loaded")
    answer = elsewhere(lambda: process.get(numbers.question, 1))
    gate.wait_until_reached()

    numbers.rows = {1: (1,)}
    CacheGeneration.objects.renew()
    gate.open()

    assert answer.result(LIMIT_SECONDS) == (0,)
    assert process.get(numbers.question, 1) == (1,)
    assert process.get(numbers.question, 1) == (1,)


def test_forget__by_hand_reaches_every_process(numbers: Numbers) -> None:
    numbers.rows = {1: (0,)}
    one, other = Process(numbers.declared), Process(numbers.declared)
    for process in (one, other) * 2:
        process.get(numbers.question, 1)
    entries = Entries()
    entries.add(numbers.question, [1])
    numbers.rows = {1: (1,)}

    one.coherence.forget(entries, "hand")

    assert [process.get(numbers.question, 1) for process in (one, other)] == [(1,)] * 2
    assert figures()["forgot.hand"] == 1


def test_near_entries__none(numbers: Numbers, settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "NEAR_ENTRIES": 0}
    numbers.rows = {1: (1,)}
    process = Process(numbers.declared)

    answers = [process.get(numbers.question, 1) for _ in range(3)]

    assert answers == [(1,)] * 3
    assert numbers.loads == [[1]] * 3


def test_staleness_bound__own_writes_are_seen(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "NEAR_MAX_STALENESS": 60}
    workflow = WorkflowFactory(name="old")
    other = Process()
    for _ in range(2):
        workflows.get(workflow.pk)
        other.get(workflows, workflow.pk)

    with CaptureQueriesContext(connection) as queries:
        workflows.get(workflow.pk)
    workflow.name = "new"
    workflow.save()
    own, others = workflows.get(workflow.pk), other.get(workflows, workflow.pk)

    assert len(queries) == 0
    assert getattr(own, "name", "") == "new"
    assert others.name == "old"  # within the bound


def test_peek_and_suffixes__what_stands(numbers: Numbers) -> None:
    numbers.rows = {1: (1,)}
    process = Process(numbers.declared)
    process.get(numbers.question, 9)
    process.get(numbers.question, 1)
    before = process.coherence.peek(numbers.question, 1)
    (suffixes,) = process.coherence.suffixes(numbers.question)
    CacheGeneration.objects.renew()
    after = process.coherence.peek(numbers.question, 1)

    assert (before.state, before.near, before.answers) == ("value", "stands", ((1,),))
    assert "1" in suffixes
    assert (after.state, after.answers) == ("absent", ())
    assert list(process.coherence.suffixes(numbers.question)) == []


def test_kept__falls_with_the_number(settings: Settings) -> None:
    detector = DetectorFactory()
    workflow = WorkflowFactory(name="old")
    workflow.detectors.add(detector)
    for _ in range(3):
        workflows_for_detectors([detector.pk], "")
    with CaptureQueriesContext(connection) as queries:
        workflows_for_detectors([detector.pk], "")
    workflow.name = "new"
    workflow.save()

    (found,) = workflows_for_detectors([detector.pk], "")[detector.pk]

    assert len(queries) == 1
    assert found.name == "new"
    assert detectors.get(detector.pk) != ABSENT
    assert workflow_ids_by_detector.get(detector.pk) == (workflow.pk,)


@pytest.mark.postgres
def test_outbox__is_left_to_processes_with_redis() -> None:
    workflow = WorkflowFactory()
    CacheOutbox.objects.all().delete()

    workflow.save()
    current().sweep()

    assert list(CacheOutbox.objects.values_list("source", flat=True)) in ([], [KEPT])
    workflow.name = "new"
    workflow.save()
    current().sweep()
    assert CacheOutbox.objects.filter(source=KEPT).exists()


@pytest.mark.postgres
def test_editors__wait_for_rows_and_for_nothing_else() -> None:
    one, two, three = (WorkflowFactory() for _ in range(3))
    edits = {name: Gate(f"{name} has edited") for name in ("first", "second")}

    def rename(*, pk: int, to: str) -> None:
        Workflow.objects.filter(pk=pk).update(name=to)

    def first() -> None:
        with transaction.atomic():
            rename(pk=one.pk, to="first")
            edits["first"]()
            rename(pk=two.pk, to="first")

    def second() -> None:
        with transaction.atomic():
            rename(pk=two.pk, to="second")
            edits["second"]()

    firsts, seconds = elsewhere(first), elsewhere(second)
    for gate in edits.values():
        gate.wait_until_reached()
    edits["first"].open()
    wait_until_somebody_waits()
    elsewhere(lambda: rename(pk=three.pk, to="third")).result(LIMIT_SECONDS)
    was_waiting = not firsts.done()
    edits["second"].open()
    seconds.result(LIMIT_SECONDS)
    firsts.result(LIMIT_SECONDS)

    assert was_waiting
    found = Workflow.objects.order_by("pk").values_list("name", flat=True)
    assert list(found) == ["first", "first", "third"]
