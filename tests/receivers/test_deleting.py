"""What a deletion forgets, what it costs, and what it leaves alone."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import ProtectedError
from django.db.models.deletion import Collector
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from tests.caches.coherence.recording import Recording
from tests.factories import (
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    EventReceiptFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from tests.receivers.answers import answers, changed, not_forgotten
from workflow_engine.models import Condition, Detector, EventReceipt, Workflow

pytestmark = pytest.mark.django_db


def test_delete__refused_forgets_nothing(recording: Recording) -> None:
    carried = GroupActionFactory()

    with (
        TestCase.captureOnCommitCallbacks(execute=True) as callbacks,
        pytest.raises(ProtectedError),
    ):
        carried.action.delete()

    assert callbacks == []
    assert recording.settled == []


@pytest.mark.django_db(transaction=True)
def test_delete__alone_forgets_after_its_own_commit(recording: Recording) -> None:
    link = DetectorWorkflowFactory()
    recording.clear()

    link.workflow.delete()

    assert recording.settled == ["default"]
    assert recording.causes == ["delete:detectorworkflow", "delete:workflow"]
    assert recording.forgotten == {
        ("workflows", link.workflow_id),
        ("workflow_ids_by_detector", link.detector_id),
    }


def _queries_of_deleting(conditions: int) -> int:
    workflow = WorkflowFactory()
    for role in ("when", "if"):
        group = ConditionGroupFactory(workflow=workflow, role=role)
        for _ in range(conditions):
            ConditionFactory(group=group)
    row = Workflow.objects.get(pk=workflow.pk)
    with CaptureQueriesContext(connection) as queries:
        row.delete()
    return len(queries)


def test_delete__a_cascade_is_not_asked_about_row_by_row(recording: Recording) -> None:
    few, many = _queries_of_deleting(1), _queries_of_deleting(9)

    assert few == many


def test_delete__what_is_deleted_by_itself_is_resolved(recording: Recording) -> None:
    condition = ConditionFactory()
    before = answers()

    with TestCase.captureOnCommitCallbacks(execute=True):
        Condition.objects.filter(pk=condition.pk).delete()

    assert changed(before) == {("workflows", condition.group.workflow_id)}
    assert not_forgotten(recording, changed(before)) == set()


def test_delete__with_a_collector_of_ones_own(recording: Recording) -> None:
    detector = DetectorFactory(event_type="other.type")
    before = answers()
    collector = Collector(using="default")
    collector.collect([detector])

    with TestCase.captureOnCommitCallbacks(execute=True):
        collector.delete()

    assert not_forgotten(recording, changed(before)) == set()


def test_delete__many_links_in_few_queries(recording: Recording) -> None:
    workflow = WorkflowFactory()
    detectors = [DetectorFactory() for _ in range(20)]
    workflow.detectors.set(detectors)

    with (
        TestCase.captureOnCommitCallbacks(execute=True),
        CaptureQueriesContext(connection) as queries,
    ):
        workflow.delete()

    assert len(queries) < 20
    assert recording.keys("workflow_ids_by_detector") == {d.pk for d in detectors}


def test_delete__another_model_keeps_the_fast_way(recording: Recording) -> None:
    for _ in range(3):
        EventReceiptFactory()
    collector = Collector(using="default")

    with CaptureQueriesContext(connection) as queries:
        EventReceipt.objects.all().delete()

    assert collector.can_fast_delete(EventReceipt.objects.all())
    assert len(queries) == 1
    assert not collector.can_fast_delete(Detector.objects.all())
