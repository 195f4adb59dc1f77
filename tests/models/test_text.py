"""How rows are called on screens and in fixtures, without a query."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.core import serializers
from django.db import models
from pytest_django import DjangoAssertNumQueries

from tests.factories import (
    FACTORIES,
    ActionFactory,
    ConditionFactory,
    ConditionGroupFactory,
    DecisionFactory,
    DeliveryFactory,
    DetectorFactory,
    DetectorStateFactory,
    DetectorWorkflowFactory,
    EnvironmentFactory,
    FiringFactory,
    GroupActionFactory,
    WorkflowDecisionFactory,
    WorkflowFactory,
    WorkItemFactory,
)
from workflow_engine.models import WorkflowDecision, WorkItem

pytestmark = pytest.mark.django_db

# What a list loads along with each row.
RELATED = {
    "DetectorWorkflow": ("detector", "workflow"),
    "ConditionGroup": ("detector", "workflow"),
    "Condition": ("group__detector", "group__workflow"),
    "GroupAction": ("group__detector", "group__workflow", "action"),
    "ActionHealth": ("action",),
    "ActionInterval": ("workflow", "action"),
    "DetectorState": ("detector",),
}
FIRING = UUID("00000000-0000-4000-8000-000000000007")
# Neither is ever named by another row of a fixture.
WITHOUT_NATURAL_KEY = {WorkItem, WorkflowDecision}


def _texts() -> dict[str, Any]:
    """Return by text what makes the row it belongs to."""
    detector = {"detector__slug": "failed-orders"}
    workflow = {"workflow__slug": "tell-the-team"}
    return {
        "production": lambda: EnvironmentFactory(name="production"),
        "Failed orders (failed-orders)": lambda: DetectorFactory(slug="failed-orders"),
        "Tell the team (tell-the-team)": lambda: WorkflowFactory(slug="tell-the-team"),
        "failed-orders → tell-the-team": lambda: DetectorWorkflowFactory(
            **detector, **workflow
        ),
        "tell-the-team: when, all of": lambda: ConditionGroupFactory(**workflow),
        "tell-the-team: if 2, none of": lambda: ConditionGroupFactory(
            **workflow, if_group=True, position=2, logic="none"
        ),
        "failed-orders: trigger, any of": lambda: ConditionGroupFactory(
            **detector, trigger=True, logic="any"
        ),
        "data.amount eq 100": lambda: ConditionFactory(
            config={"path": "data.amount", "value": 100}
        ),
        "data.level eq error": lambda: ConditionFactory(
            config={"path": "data.level", "value": "error"}
        ),
        "data.owner eq null": lambda: ConditionFactory(
            config={"path": "data.owner", "value": None}
        ),
        "t_any": lambda: ConditionFactory(type="t_any", config={}),
        "data.a t_any": lambda: ConditionFactory(
            type="t_any", config={"path": "data.a"}
        ),
        'data.a t_any {"low": 1, "high": 5}': lambda: ConditionFactory(
            type="t_any", config={"path": "data.a", "low": 1, "high": 5}
        ),
        "email-ops (log)": lambda: ActionFactory(slug="email-ops"),
        "email-ops": lambda: GroupActionFactory(action__slug="email-ops"),
        "email-ops after 1800 s": lambda: GroupActionFactory(
            action__slug="email-ops", escalation=True
        ),
        "cart-7: high since 10:02": lambda: DetectorStateFactory(
            subject="cart-7",
            opened=True,
            changed_at=datetime(2026, 5, 2, 10, 2, tzinfo=UTC),
        ),
        "cart-7: ok": lambda: DetectorStateFactory(subject="cart-7"),
        "-: ok": lambda: DetectorStateFactory(subject=""),
        "tell-the-team → email-ops for cart-7: succeeded": lambda: FiringFactory(
            **workflow, action__slug="email-ops", subject="cart-7", succeeded=True
        ),
        "tell-the-team → email-ops: due": lambda: FiringFactory(
            **workflow, action__slug="email-ops", subject=""
        ),
        f"{FIRING} attempt 2: failed": lambda: DeliveryFactory(
            firing__uuid=FIRING, attempt=2, failed=True
        ),
        "order.failed: held, interval": lambda: DecisionFactory(held=True),
        "order.failed cart-7: fired, sent": lambda: DecisionFactory(
            fired=True, subject="cart-7"
        ),
        "tell-the-team: fired, sent": lambda: WorkflowDecisionFactory(**workflow),
        "act 7 for cart-7: scheduled": lambda: WorkItemFactory(id=7),
    }


@pytest.mark.parametrize("text", _texts())
def test_str__reads_as_on_the_screen(text: str) -> None:
    row = _texts()[text]()

    assert str(row) == text


@pytest.mark.parametrize("model", FACTORIES, ids=lambda model: model.__name__)
def test_str__needs_no_query(
    model: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    FACTORIES[model]()
    related = RELATED.get(model.__name__, ())
    rows = model.objects.select_related(*related) if related else model.objects.all()
    row = rows.get()

    with django_assert_num_queries(0):
        text = str(row)

    assert text


@pytest.mark.parametrize("model", FACTORIES, ids=lambda model: model.__name__)
def test_natural_key__finds_the_row(model: Any) -> None:
    row = FACTORIES[model]()
    FACTORIES[model]()
    if model in WITHOUT_NATURAL_KEY:
        assert not hasattr(row, "natural_key")
        return

    found = model.objects.get_by_natural_key(*row.natural_key())

    assert found == row


@pytest.mark.parametrize(
    "traits", [{"trigger": True}, {}, {"if_group": True, "position": 3}], ids=str
)
def test_natural_key__group_of_each_role(traits: dict[str, Any]) -> None:
    group = ConditionGroupFactory(**traits)
    condition = ConditionFactory(group=group)

    found = type(condition).objects.get_by_natural_key(*condition.natural_key())

    assert found == condition


def test_fixture__rules_come_back_by_natural_keys() -> None:
    carried = GroupActionFactory()
    condition = ConditionFactory(group=carried.group)
    link = DetectorWorkflowFactory(workflow=carried.group.workflow)
    rows: list[models.Model] = [
        link.detector,
        link.workflow,
        link,
        carried.group,
        condition,
        carried.action,
        carried,
    ]
    options = {
        "use_natural_foreign_keys": True,
        "use_natural_primary_keys": True,
    }
    text = serializers.serialize("json", rows, **options)
    for row in (link.workflow, link.detector, carried.action):
        row.delete()

    for read in serializers.deserialize("json", text):
        read.save()

    again = [type(row)._default_manager.get() for row in rows]
    told = serializers.serialize("json", again, **options)
    # Of a moment the file keeps milliseconds, and none at all where they are none.
    assert told.replace(".000Z", "Z") == text.replace(".000Z", "Z")
