"""A revision names what is configured: equal rules have equal ones, a change another."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import ConditionFactory, ConditionGroupFactory, WorkflowFactory
from tests.lookups.rows import whole_detector, whole_workflow
from workflow_engine.lookups import detectors, workflows
from workflow_engine.lookups.revision import with_workflow_revision
from workflow_engine.models import (
    Action,
    Condition,
    ConditionGroup,
    Detector,
    GroupAction,
    Workflow,
)
from workflow_engine.types.snapshots import WorkflowSnapshot

pytestmark = pytest.mark.django_db


def revision(row: Detector | Workflow | None) -> str:
    assert row is not None
    access: Any = detectors if isinstance(row, Detector) else workflows
    found: str = access.get(row.pk).revision
    return found


def test_revision__same_rules_in_other_rows() -> None:
    first = whole_detector(slug="d"), whole_workflow(slug="w", name="W")
    before = [revision(row) for row in first]
    slugs = {"action": list(Action.objects.order_by("pk").values_list("slug", "name"))}
    for row in first:
        row.delete()
    Action.objects.all().delete()

    again = whole_detector(slug="d"), whole_workflow(slug="w", name="W")
    for action, (slug, name) in zip(
        Action.objects.order_by("pk"), slugs["action"], strict=True
    ):
        action.slug, action.name = slug, name
        action.save()

    assert [row.pk for row in again] != [row.pk for row in first]
    assert [revision(row) for row in again] == before


@pytest.mark.parametrize(
    ("model", "change"),
    [
        (Workflow, {"interval": 5}),
        (Workflow, {"enabled": False}),
        (ConditionGroup, {"logic": "none"}),
        (Condition, {"config": {"path": "data.other", "value": 1}}),
        (GroupAction, {"on_resolve": True, "delay": 7}),
        (Action, {"config": {"level": "error", "message": "x"}}),
    ],
    ids=lambda given: getattr(given, "__name__", None) or next(iter(given)),
)
def test_revision__changes_with(model: Any, change: dict[str, Any]) -> None:
    row = whole_workflow()
    before = revision(row)

    changed = model.objects.order_by("pk").first()
    for name, value in change.items():
        setattr(changed, name, value)
    changed.save()

    assert revision(row) != before


def test_revision__order_of_conditions_counts_and_gaps_do_not() -> None:
    group = ConditionGroupFactory(logic="any_short")
    one = ConditionFactory(group=group, position=0)
    ConditionFactory(group=group, position=1, config={"path": "data.b", "value": 2})
    before = revision(group.workflow)

    Condition.objects.filter(pk=one.pk).update(position=-5)
    with_gap = revision(group.workflow)
    Condition.objects.filter(pk=one.pk).update(position=5)
    swapped = revision(group.workflow)

    assert with_gap == before
    assert swapped != before


def test_revision__is_no_part_of_itself() -> None:
    row = WorkflowFactory()

    found = workflows.get(row.pk)

    assert isinstance(found, WorkflowSnapshot)
    assert found.revision == with_workflow_revision(found).revision != ""
