"""What goes with a rule is said before it goes, and read by nobody."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories import (
    ActionIntervalFactory,
    ConditionFactory,
    DetectorFactory,
    DetectorStateFactory,
    FiringFactory,
    GroupActionFactory,
)
from workflow_engine.models import Condition, Detector, DetectorState, Firing, Workflow

pytestmark = pytest.mark.django_db


def test_detector__says_how_many_states_go(editor: Client) -> None:
    detector = DetectorFactory(threshold=True)
    DetectorStateFactory.create_batch(3, detector=detector)
    DetectorStateFactory()
    page = reverse("admin:workflow_engine_detector_delete", args=[detector.pk])

    with CaptureQueriesContext(connection) as queries:
        asked = editor.get(page).content.decode()
    # The next request empties the log of queries.
    about_states = [q["sql"] for q in queries if "_detectorstate" in q["sql"]]
    editor.post(page, {"post": "yes"})

    assert "Detector states: 3" in asked
    assert len(about_states) == 1
    assert "COUNT(" in about_states[0]
    assert not Detector.objects.filter(pk=detector.pk).exists()
    assert DetectorState.objects.count() == 1


def test_workflow__history_stays(editor: Client) -> None:
    carried = GroupActionFactory()
    workflow = carried.group.workflow
    assert workflow is not None
    ConditionFactory(group=carried.group)
    ActionIntervalFactory(workflow=workflow, action=carried.action)
    firing = FiringFactory(workflow=workflow, action=carried.action)
    page = reverse("admin:workflow_engine_workflow_delete", args=[workflow.pk])

    asked = editor.get(page).content.decode()
    editor.post(page, {"post": "yes"})

    assert "Action intervals: 1" in asked
    assert not Workflow.objects.exists()
    assert not Condition.objects.exists()
    assert Firing.objects.get().workflow_slug == firing.workflow_slug


def test_reader__is_refused(reader: Client) -> None:
    detector = DetectorFactory()
    page = reverse("admin:workflow_engine_detector_delete", args=[detector.pk])

    assert reader.get(page).status_code == 403
