"""By the outer door: another process reads what was written as soon as the write returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from django.core.management import call_command
from django.db import connection, models, transaction

from tests.factories import (
    ConditionFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    WorkflowFactory,
)
from tests.receivers.answers import Entry, answers
from tests.receivers.test_every_way import CHANGES, WAYS, change_of
from workflow_engine.caches.coherence import Coherence, current, reset
from workflow_engine.caches.declared import declared
from workflow_engine.caches.look_up import LookUp
from workflow_engine.lookups import detector_ids_by_route, detectors, workflows
from workflow_engine.models import (
    Action,
    CacheOutbox,
    Detector,
    DetectorWorkflow,
    Workflow,
)

pytestmark = pytest.mark.django_db(transaction=True)


class Reader:
    """Another process, with near copies of its own."""

    def __init__(self, coherence: Coherence) -> None:
        self._coherence = coherence

    def get(self, question: Any, key: Any) -> Any:
        look_up = LookUp(question, coherence=self._coherence)
        return look_up.get_many(question, [key])[key]

    def stale(self) -> set[Entry]:
        """Return the entries that say something else than the database."""
        true = answers()
        look_up = LookUp(*declared, coherence=self._coherence)
        return {
            (question.name, key)
            for question in declared
            for key, value in look_up.get_many(
                question, [key for name, key in true if name == question.name]
            ).items()
            if value != true[question.name, key]
        }

    def warm(self) -> None:
        assert self.stale() == set()
        assert self.stale() == set()


@pytest.fixture
def reader() -> Iterator[Reader]:
    reset()
    yield Reader(current())
    reset()


@pytest.fixture(autouse=True)
def _a_writer_of_its_own(reader: Reader) -> None:
    reset()


#: One change for each model.
EACH: Final = {name.split("-")[0]: name for name in CHANGES}


@pytest.mark.usefixtures("committed_rules")
@pytest.mark.parametrize("in_block", [False, True], ids=["autocommit", "atomic"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_write__is_read_at_once(
    reader: Reader, way: Callable[[Any, dict[str, Any]], None], in_block: bool
) -> None:
    for name in EACH.values():
        row, new = change_of(name)
        reader.warm()

        if in_block:
            with transaction.atomic():
                way(row, new)
        else:
            way(row, new)

        assert reader.stale() == set(), name
        assert not CacheOutbox.objects.exists(), name


def test_write__in_an_open_transaction(reader: Reader) -> None:
    workflow = WorkflowFactory(name="old")
    reader.warm()

    with transaction.atomic():
        workflow.name = "new"
        workflow.save()
        inside = workflows.get(workflow.pk)
        transaction.set_rollback(True)

    assert getattr(inside, "name", "") == "new"
    assert reader.get(workflows, workflow.pk).name == "old"
    assert not CacheOutbox.objects.exists()


def test_write__by_sql_in_a_transaction_with_a_hook(reader: Reader) -> None:
    first, second = WorkflowFactory(name="old"), WorkflowFactory(name="old")
    reader.warm()

    with transaction.atomic():
        first.save()
        models.QuerySet(Workflow).filter(pk=second.pk).update(name="new")

    assert reader.get(workflows, second.pk).name == "new"


def test_application_callback__reads_what_was_written(reader: Reader) -> None:
    detector = DetectorFactory()
    reader.warm()
    seen: list[Any] = []

    with transaction.atomic():
        transaction.on_commit(lambda: seen.append(reader.get(detectors, detector.pk)))
        detector.name = "new"
        detector.save()

    assert [one.name for one in seen] == ["new"]


def test_condition__moved_and_deleted(reader: Reader) -> None:
    one, other = ConditionFactory(), ConditionFactory()
    reader.warm()

    one.group = other.group
    one.save()

    assert reader.stale() == set()

    other.group.delete()

    assert reader.stale() == set()


def test_links__by_the_relation(reader: Reader) -> None:
    detectors_ = [DetectorFactory() for _ in range(3)]
    workflow = WorkflowFactory()
    reader.warm()

    for write in (
        lambda: workflow.detectors.set(detectors_[:2]),
        lambda: detectors_[2].workflows.add(workflow),
        lambda: workflow.detectors.remove(detectors_[0]),
        detectors_[1].workflows.clear,
        lambda: workflow.detectors.set([]),
    ):
        write()
        assert reader.stale() == set()


def test_links__some_are_there_already(reader: Reader) -> None:
    link = DetectorWorkflowFactory()
    other = DetectorFactory()
    reader.warm()

    DetectorWorkflow.objects.bulk_create(
        [
            DetectorWorkflow(detector=one, workflow=link.workflow)
            for one in (link.detector, other)
        ],
        ignore_conflicts=True,
    )

    assert reader.stale() == set()


def test_upsert__a_detector_found_by_its_slug(reader: Reader) -> None:
    detector = DetectorFactory(event_type="order.failed")
    reader.warm()

    Detector.objects.bulk_create(
        [Detector(slug=detector.slug, event_type="other.type", kind="event", name="d")],
        update_conflicts=True,
        unique_fields=["slug"],
        update_fields=["event_type"],
    )

    assert reader.stale() == set()
    assert reader.get(detector_ids_by_route, ("other.type", "")) == (detector.pk,)


def test_forget__by_hand_in_a_transaction(reader: Reader) -> None:
    workflow = WorkflowFactory(name="old")
    reader.warm()

    with transaction.atomic():
        workflows.forget([workflow.pk])
        workflows.forget_all()

    assert reader.stale() == set()


def test_flush__leaves_nothing(reader: Reader) -> None:
    detector = DetectorFactory()
    reader.warm()

    call_command("flush", interactive=False, verbosity=0)

    assert reader.get(detectors, detector.pk) != detector
    assert reader.get(detector_ids_by_route, ("order.failed", "")) == ()
    assert Action.objects.count() == 0


@pytest.mark.postgres
def test_commit_refused__leaves_nothing_owed(reader: Reader) -> None:
    condition = ConditionFactory()
    twin = ConditionFactory(group=condition.group)
    reader.warm()

    def write() -> None:
        with transaction.atomic():
            twin.position = condition.position
            twin.save()

    with pytest.raises(Exception, match="wfe_condition_position"):
        write()

    assert connection.run_on_commit == []
    assert not CacheOutbox.objects.exists()
    assert reader.stale() == set()
