"""What a save costs, and when it forgets."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, models, transaction
from django.db.models import Value
from django.db.models.functions import Lower
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from tests.caches.coherence.recording import Recording
from tests.factories import (
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    EnvironmentFactory,
    WorkflowFactory,
)
from workflow_engine.models import Detector, DetectorWorkflow, Environment, Workflow

real = pytest.mark.django_db(transaction=True)
in_test_case = pytest.mark.django_db


def plain_save(row: models.Model, **how: Any) -> None:
    """Save without what rules judge."""
    models.Model.save(row, **how)


@contextmanager
def seen_at(verb: str, look: Callable[[], Any], seen: list[Any]) -> Iterator[None]:
    def wrapper(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith(verb):
            seen.append(look())
        return execute(sql, *rest)

    with connection.execute_wrapper(wrapper):
        yield


@real
def test_save__in_autocommit_forgets_after_the_write_and_once(
    recording: Recording,
) -> None:
    row = DetectorFactory(event_type="old.type")
    recording.clear()
    row.event_type = "new.type"
    at_update: list[Any] = []

    with seen_at("UPDATE", lambda: list(recording.settled), at_update):
        row.save()

    assert at_update == [[]]
    assert recording.settled == ["default"]
    assert recording.causes == ["save:detector"]
    assert recording.forgotten == {
        ("detector_ids_by_route", ("old.type", "")),
        ("detector_ids_by_route", ("new.type", "")),
        ("detectors", row.pk),
    }


@real
def test_save__a_new_row_in_autocommit(recording: Recording) -> None:
    at_insert: list[Any] = []

    with seen_at("INSERT", lambda: list(recording.settled), at_insert):
        row = DetectorFactory(event_type="new.type")

    assert at_insert == [[]]
    assert recording.forgotten == {
        ("detector_ids_by_route", ("new.type", "")),
        ("detectors", row.pk),
    }


@real
def test_save__refused_in_autocommit_forgets_nothing(recording: Recording) -> None:
    first, second = DetectorFactory(), DetectorFactory()
    recording.clear()
    second.slug = first.slug

    with pytest.raises(IntegrityError):
        second.save()

    assert recording.settled == []
    assert pickle.loads(pickle.dumps(second)).slug == first.slug  # noqa: S301 - our own


@real
def test_save__after_one_that_was_refused(recording: Recording) -> None:
    first, second = DetectorFactory(), DetectorFactory(event_type="old.type")
    second.slug = first.slug
    with pytest.raises(IntegrityError):
        second.save()
    models.QuerySet(Detector).filter(pk=second.pk).update(event_type="moved.type")
    recording.clear()
    second.slug, second.event_type = "free", "new.type"

    second.save()

    assert recording.keys("detector_ids_by_route") == {
        ("moved.type", ""),
        ("new.type", ""),
    }


@real
def test_save__a_resolver_in_autocommit_asks_before_and_after(
    recording: Recording,
) -> None:
    environment = EnvironmentFactory()
    before = WorkflowFactory(environment=environment)
    after = WorkflowFactory()
    recording.clear()

    def give_to_another() -> None:
        rows: models.QuerySet[Workflow] = models.QuerySet(Workflow)
        rows.filter(pk=before.pk).update(environment=None)
        rows.filter(pk=after.pk).update(environment=environment)

    environment.name = "renamed"
    with seen_at('UPDATE "workflow_engine_environment"', give_to_another, []):
        environment.save()

    assert recording.keys("workflows") == {before.pk, after.pk}


@real
def test_save__resolved_again_after_the_commit(recording: Recording) -> None:
    environment = EnvironmentFactory()
    workflow = WorkflowFactory()
    recording.clear()

    with transaction.atomic():
        environment.name = "renamed"
        environment.save()
        models.QuerySet(Workflow).filter(pk=workflow.pk).update(environment=environment)

    assert recording.keys("workflows") == {workflow.pk}


QUERIES = [
    pytest.param(WorkflowFactory, 1, 1, id="workflow"),
    pytest.param(DetectorFactory, 2, 4, id="detector"),
    pytest.param(DetectorWorkflowFactory, 2, 4, id="link"),
    pytest.param(ConditionGroupFactory, 2, 4, id="group"),
]


@real
@pytest.mark.parametrize(("make", "autocommit", "atomic"), QUERIES)
def test_save__costs_at_most_the_old_row(
    recording: Recording, make: Any, autocommit: int, atomic: int
) -> None:
    row = make()

    with CaptureQueriesContext(connection) as alone:
        plain_save(row, force_update=True)
    with transaction.atomic(), CaptureQueriesContext(connection) as inside:
        plain_save(row, force_update=True)

    assert len(alone) == autocommit
    assert len(inside) == atomic, inside.captured_queries


@real
def test_save__a_new_row_costs_nothing_more(recording: Recording) -> None:
    rows: list[models.Model] = [
        Detector(slug="d", event_type="t", kind="event"),
        Workflow(slug="w"),
    ]

    with CaptureQueriesContext(connection) as queries:
        for row in rows:
            plain_save(row)

    assert len(queries) == 2


@in_test_case
def test_save__many_of_one_group_resolve_once(recording: Recording) -> None:
    group = ConditionGroupFactory()
    rows = [ConditionFactory(group=group) for _ in range(3)]

    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        for row in rows:
            plain_save(row, force_update=True)

    asked = [q for q in queries.captured_queries if "conditiongroup" in q["sql"]]
    assert len(asked) <= 2 * len(rows)


@real
def test_save__what_is_known_of_a_transaction_is_not_asked_again(
    recording: Recording,
) -> None:
    group = ConditionGroupFactory()
    rows = [ConditionFactory(group=group) for _ in range(3)]

    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        for row in rows:
            plain_save(row, force_update=True)

    old_row, owner_by_access, write = ["SAVEPOINT", "SELECT"], ["SELECT"] * 2, "UPDATE"
    verbs = [query["sql"].split()[0] for query in queries.captured_queries]
    assert verbs == [
        *[*old_row, *owner_by_access, "RELEASE", write],
        *[*old_row, "RELEASE", write] * 2,
    ]


@in_test_case
def test_save__what_memory_does_not_say_is_read(recording: Recording) -> None:
    row = DetectorFactory()
    row.event_type = Lower(Value("OTHER.TYPE"))

    with TestCase.captureOnCommitCallbacks(execute=True):
        plain_save(row)

    assert ("other.type", "") in recording.keys("detector_ids_by_route")
    assert recording.whole == set()


@in_test_case
def test_save__a_key_given_as_text(recording: Recording) -> None:
    detector, workflow = DetectorFactory(), WorkflowFactory()

    with TestCase.captureOnCommitCallbacks(execute=True):
        DetectorWorkflow(detector_id=str(detector.pk), workflow=workflow).save()

    assert recording.keys("workflow_ids_by_detector") == {detector.pk}


@pytest.mark.parametrize("verb", ["SELECT", "SAVEPOINT"])
@real
def test_save__an_old_row_that_cannot_be_read(recording: Recording, verb: str) -> None:
    row = DetectorFactory()
    row.name = "changed"
    recording.clear()
    broken = iter([True])

    def wrapper(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith(verb) and next(broken, False):
            raise OperationalError
        return execute(sql, *rest)

    with transaction.atomic(), connection.execute_wrapper(wrapper):
        plain_save(row, force_update=True)

    assert Detector.objects.get(pk=row.pk).name == "changed"
    assert recording.whole == {"detectors", "detector_ids_by_route"}


@in_test_case
def test_save__an_environment_is_created(recording: Recording) -> None:
    with TestCase.captureOnCommitCallbacks(execute=True):
        Environment.objects.create(name="new")

    assert recording.forgotten == set()
    assert recording.whole == set()


@real
def test_save__two_thousand_in_one_block(recording: Recording) -> None:
    workflow = WorkflowFactory()
    recording.clear()

    with transaction.atomic():
        for number in range(2000):
            workflow.interval = number
            workflow.save(update_fields=["interval"])
        listed = len(connection.run_on_commit)

    assert listed == 1
    assert recording.settled == ["default"]
    assert recording.forgotten == {("workflows", workflow.pk)}
