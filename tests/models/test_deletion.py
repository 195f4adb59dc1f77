"""What goes when a row goes, what stays, and what cannot go."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models
from django.db.models import ProtectedError

from tests.factories import (
    ActionFactory,
    ActionHealthFactory,
    ActionIntervalFactory,
    ConditionFactory,
    ConditionGroupFactory,
    DecisionFactory,
    DeliveryFactory,
    DetectorFactory,
    DetectorStateFactory,
    DetectorWorkflowFactory,
    FiringFactory,
    GroupActionFactory,
    WorkflowDecisionFactory,
    WorkflowFactory,
    WorkItemFactory,
)
from workflow_engine.models import Environment

pytestmark = pytest.mark.django_db


def _is_there(row: models.Model) -> bool:
    rows: models.QuerySet[models.Model] = models.QuerySet(type(row))
    return rows.filter(pk=row.pk).exists()


def test_environment__kept_while_a_workflow_names_it() -> None:
    workflow = WorkflowFactory(production=True)

    with pytest.raises(ProtectedError):
        Environment.objects.get(name="production").delete()

    workflow.delete()
    assert Environment.objects.get(name="production").delete()[0] == 1


def test_action__kept_while_a_group_carries_it() -> None:
    carried = GroupActionFactory()

    with pytest.raises(ProtectedError):
        carried.action.delete()

    assert _is_there(carried)


def test_detector__takes_what_it_owns_and_leaves_history() -> None:
    detector = DetectorFactory(slug="failed-orders")
    condition = ConditionFactory(
        group=ConditionGroupFactory(trigger=True, detector=detector)
    )
    owned = [
        condition.group,
        condition,
        DetectorWorkflowFactory(detector=detector),
        DetectorStateFactory(detector=detector),
    ]
    firing = FiringFactory(detector=detector)

    detector.delete()

    assert not any(_is_there(row) for row in owned)
    firing.refresh_from_db()
    assert (firing.detector, firing.detector_slug) == (None, "failed-orders")


def test_workflow__takes_what_it_owns_and_leaves_history() -> None:
    workflow = WorkflowFactory(slug="tell-the-team")
    carried = GroupActionFactory(
        group=ConditionGroupFactory(if_group=True, workflow=workflow)
    )
    owned = [
        carried.group,
        carried,
        ConditionFactory(group=carried.group),
        DetectorWorkflowFactory(workflow=workflow),
        ActionIntervalFactory(workflow=workflow),
    ]
    history: list[Any] = [
        FiringFactory(workflow=workflow),
        WorkflowDecisionFactory(workflow=workflow),
    ]

    workflow.delete()

    assert not any(_is_there(row) for row in owned)
    assert _is_there(carried.action)
    for row in history:
        row.refresh_from_db()
        assert (row.workflow, row.workflow_slug) == (None, "tell-the-team")


def test_action__takes_its_intervals_and_health_and_leaves_history() -> None:
    action = ActionFactory(slug="email-ops")
    owned = [ActionIntervalFactory(action=action), ActionHealthFactory(action=action)]
    firing = FiringFactory(action=action)

    action.delete()

    assert not any(_is_there(row) for row in owned)
    firing.refresh_from_db()
    assert (firing.action, firing.action_slug) == (None, "email-ops")


def test_firing__takes_its_item_and_deliveries_and_frees_the_interval() -> None:
    firing = FiringFactory()
    owned = [WorkItemFactory(firing=firing), DeliveryFactory(firing=firing)]
    interval = ActionIntervalFactory(firing=firing)

    firing.delete()

    assert not any(_is_there(row) for row in owned)
    interval.refresh_from_db()
    assert interval.firing is None


def test_item__goes_and_leaves_its_firing() -> None:
    firing = FiringFactory()
    item = WorkItemFactory(firing=firing, done=True)

    item.delete()

    assert _is_there(firing)


def test_decision__takes_its_lines_and_leaves_its_firings() -> None:
    decision = DecisionFactory(fired=True)
    line = WorkflowDecisionFactory(decision=decision)
    firing = FiringFactory(decision=decision, trace_id=decision.uuid)

    decision.delete()

    assert not _is_there(line)
    firing.refresh_from_db()
    assert (firing.decision, firing.trace_id) == (None, decision.uuid)
