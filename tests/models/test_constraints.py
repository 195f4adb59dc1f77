"""Every constraint is refused by the database itself, whoever writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction

from tests.factories import (
    FACTORIES,
    ActionFactory,
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    FiringFactory,
    GroupActionFactory,
    WorkflowFactory,
    WorkItemFactory,
)
from workflow_engine import clock
from workflow_engine.models import (
    Action,
    ActionHealth,
    ActionInterval,
    Condition,
    ConditionGroup,
    Decision,
    Delivery,
    Detector,
    DetectorState,
    DetectorWorkflow,
    Environment,
    EventCount,
    EventReceipt,
    Firing,
    GroupAction,
    Workflow,
    WorkItem,
)

pytestmark = pytest.mark.django_db

TOO_LONG = 2_678_401


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A valid row, and what is written into it past all validation."""

    model: type[models.Model]
    constraint: str
    columns: dict[str, Any]
    traits: dict[str, Any]


def _refused(
    model: type[models.Model], constraint: str, *traits: str, **columns: Any
) -> Any:
    case = Refused(
        model=model,
        constraint=constraint,
        columns=columns,
        traits=dict.fromkeys(traits, True),
    )
    written = ",".join(f"{name}={value}"[:30] for name, value in columns.items())
    return pytest.param(case, id=f"{constraint}-{','.join(traits)}-{written}")


CHECKS = [
    _refused(Environment, "wfe_environment_named", name=""),
    _refused(Detector, "wfe_detector_slug_lower", slug="Orders"),
    _refused(Detector, "wfe_detector_slug_lower", slug=""),
    _refused(Workflow, "wfe_workflow_slug_lower", slug="Orders"),
    _refused(Workflow, "wfe_workflow_slug_lower", slug=""),
    _refused(Action, "wfe_action_slug_lower", slug="Orders"),
    _refused(Action, "wfe_action_slug_lower", slug=""),
    _refused(Workflow, "wfe_workflow_interval", interval=-1),
    _refused(Workflow, "wfe_workflow_interval", interval=TOO_LONG),
    _refused(ConditionGroup, "wfe_group_owner", role="trigger"),
    _refused(ConditionGroup, "wfe_group_owner", role="other"),
    _refused(ConditionGroup, "wfe_group_owner", workflow=None),
    _refused(ConditionGroup, "wfe_group_owner", "trigger", role="when"),
    _refused(ConditionGroup, "wfe_group_owner", "trigger", detector=None),
    _refused(Condition, "wfe_condition_result", result=30),
    _refused(GroupAction, "wfe_carried_delay", delay=-1),
    _refused(GroupAction, "wfe_carried_delay", delay=TOO_LONG),
    _refused(ActionHealth, "wfe_health_failures", failures=-1),
    _refused(DetectorState, "wfe_state_priority", priority=10),
    _refused(DetectorState, "wfe_state_priority", previous_priority=80),
    _refused(DetectorState, "wfe_state_counts", version=0),
    _refused(DetectorState, "wfe_state_counts", clears=-1),
    _refused(DetectorState, "wfe_state_counts", episode=-1),
    _refused(EventCount, "wfe_count_positive", step=0),
    _refused(EventCount, "wfe_count_positive", count=-1),
    _refused(Firing, "wfe_firing_state", state="lost"),
    _refused(Firing, "wfe_firing_purpose", purpose="fun"),
    _refused(Firing, "wfe_firing_counts", priority=1),
    _refused(Firing, "wfe_firing_counts", attempts=-1),
    _refused(Delivery, "wfe_delivery_counts", attempt=0),
    _refused(Delivery, "wfe_delivery_counts", duration_ms=-1),
    _refused(WorkItem, "wfe_item_state", state="lost"),
    _refused(WorkItem, "wfe_item_due", due_at=datetime(1999, 12, 31, tzinfo=UTC)),
    _refused(WorkItem, "wfe_item_due", due_at=datetime(3000, 1, 1, tzinfo=UTC)),
    _refused(WorkItem, "wfe_item_counts", id=0),
    _refused(WorkItem, "wfe_item_counts", shard=-1),
    _refused(WorkItem, "wfe_item_counts", rev=0),
    _refused(WorkItem, "wfe_item_counts", token=-1),
    _refused(WorkItem, "wfe_item_counts", sends=-1),
    _refused(WorkItem, "wfe_item_counts", attempts=-1),
    _refused(WorkItem, "wfe_item_counts", max_attempts=0),
    _refused(WorkItem, "wfe_item_lease", lease_ends_at=clock.now()),
    _refused(WorkItem, "wfe_item_lease", worker="worker-1"),
    _refused(WorkItem, "wfe_item_lease", "sent", lease_ends_at=None),
    _refused(WorkItem, "wfe_item_lease", "running", lease_ends_at=None),
    _refused(WorkItem, "wfe_item_lease", "done", worker="worker-1"),
    _refused(WorkItem, "wfe_item_finished", finished_at=clock.now()),
    _refused(WorkItem, "wfe_item_finished", "running", finished_at=clock.now()),
    _refused(WorkItem, "wfe_item_finished", "done", finished_at=None),
    _refused(WorkItem, "wfe_item_finished", "cancelled", finished_at=None),
    _refused(WorkItem, "wfe_item_finished", "dead", finished_at=None),
    _refused(WorkItem, "wfe_item_running", "running", attempts=0),
    _refused(WorkItem, "wfe_item_running", "running", token=0),
    _refused(WorkItem, "wfe_item_running", "running", worker=""),
]

# What makes a second row the same as a first one made with it.
UNIQUES: dict[str, tuple[type[models.Model], tuple[str, ...], dict[str, Any]]] = {
    "wfe_environment_name": (Environment, ("name",), {}),
    "wfe_detector_slug": (Detector, ("slug",), {}),
    "wfe_workflow_slug": (Workflow, ("slug",), {}),
    "wfe_action_slug": (Action, ("slug",), {}),
    "wfe_link_pair": (DetectorWorkflow, ("detector_id", "workflow_id"), {}),
    "wfe_group_trigger": (ConditionGroup, ("detector_id",), {"trigger": True}),
    "wfe_group_when": (ConditionGroup, ("workflow_id",), {}),
    "wfe_group_if": (ConditionGroup, ("workflow_id",), {"if_group": True}),
    "wfe_carried_once": (GroupAction, ("group_id", "action_id"), {"delay": 60}),
    "wfe_state_key": (DetectorState, ("detector_id", "subject"), {}),
    "wfe_count_bucket": (EventCount, ("counter",), {}),
    "wfe_interval_key": (ActionInterval, ("workflow_id", "action_id", "subject"), {}),
    "wfe_receipt_key": (EventReceipt, ("key",), {}),
    "wfe_decision_uuid": (Decision, ("uuid",), {}),
    "wfe_firing_uuid": (Firing, ("uuid",), {}),
    "wfe_delivery_attempt": (Delivery, ("firing_id",), {}),
    "wfe_item_dedupe": (WorkItem, ("dedupe_key",), {"dedupe_key": "a"}),
    "wfe_item_key": (WorkItem, ("key",), {"key": "a"}),
}
# Judged at commit, and on PostgreSQL alone: a test of its own below.
DEFERRED = {"wfe_condition_position"}


def _write_past_validation(row: models.Model, **columns: Any) -> None:
    rows: models.QuerySet[models.Model] = models.QuerySet(type(row))
    with transaction.atomic():
        rows.filter(pk=row.pk).update(**columns)


def _name_of(refused: pytest.ExceptionInfo[IntegrityError]) -> str:
    diagnosis = getattr(refused.value.__cause__, "diag", None)
    return diagnosis.constraint_name if diagnosis else str(refused.value)


@pytest.mark.parametrize("case", CHECKS)
def test_check__refused(case: Refused) -> None:
    row = FACTORIES[case.model](**case.traits)

    with pytest.raises(IntegrityError) as refused:
        _write_past_validation(row, **case.columns)

    assert case.constraint in _name_of(refused)


@pytest.mark.parametrize("name", UNIQUES)
def test_unique__refused(name: str) -> None:
    model, columns, given = UNIQUES[name]
    first = FACTORIES[model](**given)
    other = {column: given[column] + "b" for column in columns if column in given}
    second = FACTORIES[model](**{**given, **other})

    with pytest.raises(IntegrityError) as refused:
        _write_past_validation(second, **{c: getattr(first, c) for c in columns})

    if connection.vendor == "postgresql":
        assert _name_of(refused) == name
    else:
        assert "UNIQUE" in str(refused.value)


def test_constraints__each_has_a_case() -> None:
    declared = {
        constraint.name for model in FACTORIES for constraint in model._meta.constraints
    }

    tested = {case.values[0].constraint for case in CHECKS} | set(UNIQUES) | DEFERRED

    assert declared == tested


def test_names__explicit_short_and_used_once() -> None:
    named: list[str] = [
        named.name
        for model in FACTORIES
        for named in (*model._meta.constraints, *model._meta.indexes)
    ]

    assert all(name.startswith("wfe_") and len(name) <= 30 for name in named)
    assert len(set(named)) == len(named)


@pytest.mark.postgres
def test_position__doubled_at_commit() -> None:
    first = ConditionFactory()
    second = ConditionFactory(group=first.group)

    _write_past_validation(second, position=first.position)

    with pytest.raises(IntegrityError, match="wfe_condition_position"):
        connection.check_constraints()


@pytest.mark.postgres
def test_position__swapped_one_by_one() -> None:
    first = ConditionFactory()
    second = ConditionFactory(group=first.group)

    _write_past_validation(first, position=second.position)
    _write_past_validation(second, position=first.position)

    connection.check_constraints()


@pytest.mark.postgres
@pytest.mark.parametrize("moment", ["infinity", "-infinity"])
def test_item_due__never_infinite(moment: str) -> None:
    item = WorkItemFactory()

    with pytest.raises(IntegrityError, match="wfe_item_due"), transaction.atomic():
        _execute(
            "UPDATE workflow_engine_workitem SET due_at = %s WHERE id = %s",
            moment,
            item.pk,
        )


def test_if_groups__several_at_other_positions() -> None:
    workflow = WorkflowFactory()

    ConditionGroupFactory(workflow=workflow, if_group=True, position=0)
    ConditionGroupFactory(workflow=workflow, if_group=True, position=1)
    ConditionGroupFactory(workflow=workflow)

    assert workflow.groups.count() == 3


def test_item_key__free_once_the_holder_was_claimed() -> None:
    WorkItemFactory(key="a", sent=True)
    WorkItemFactory(key="a", done=True)
    WorkItemFactory(key="a", token=1)  # given back after a failure

    WorkItemFactory(key="a")

    assert WorkItem.objects.filter(key="a").count() == 4


def test_item_keys__absent_ones_never_meet() -> None:
    WorkItemFactory()
    WorkItemFactory()

    assert WorkItem.objects.filter(key=None, dedupe_key=None).count() == 2


def test_item__one_for_a_firing() -> None:
    firing = FiringFactory()
    WorkItemFactory(firing=firing)

    with pytest.raises(IntegrityError), transaction.atomic():
        WorkItemFactory(firing=firing)


def test_link__the_same_detector_for_two_workflows() -> None:
    link = DetectorWorkflowFactory()

    DetectorWorkflowFactory(detector=link.detector)

    assert link.detector.workflows.count() == 2


def test_carried__the_same_action_at_two_delays() -> None:
    carried = GroupActionFactory()

    GroupActionFactory(group=carried.group, action=carried.action, escalation=True)

    assert carried.group.carried.count() == 2


def test_slug__one_word_for_a_detector_and_an_action() -> None:
    DetectorFactory(slug="orders")

    ActionFactory(slug="orders")

    assert Detector.objects.get(slug="orders").kind == "event"


def _execute(sql: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
