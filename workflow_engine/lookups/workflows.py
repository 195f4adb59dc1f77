"""Workflows: which care for a detector, and each with its groups and actions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from django.db.models import (
    BigIntegerField,
    BooleanField,
    CharField,
    IntegerField,
    JSONField,
    QuerySet,
    Value,
)
from django.db.models.functions import Cast

from workflow_engine import registry
from workflow_engine.caches import CacheAccess, CacheMapping
from workflow_engine.conf import options
from workflow_engine.lookups.groups import (
    GROUP_COLUMNS,
    GroupRow,
    build_groups,
    problem_of,
)
from workflow_engine.lookups.owners import (
    workflows_of_action,
    workflows_of_child,
    workflows_of_environment,
    workflows_of_group,
)
from workflow_engine.models import (
    Action,
    Condition,
    ConditionGroup,
    DetectorWorkflow,
    Environment,
    GroupAction,
    Workflow,
)
from workflow_engine.types.snapshots import (
    ABSENT,
    Absent,
    ActionSnapshot,
    CarriedAction,
    DetectorId,
    GroupSnapshot,
    IfGroupSnapshot,
    WorkflowId,
    WorkflowSnapshot,
    digest_of,
)

_OWN = (
    "id",
    "slug",
    "name",
    "enabled",
    "environment__name",
    "interval",
    "snoozed_until",
    "trace_until",
    "groups__role",
)
_CONDITION = GROUP_COLUMNS[3:]
_GROUP = GROUP_COLUMNS[:3]
_CARRIED = (
    "groups__carried__id",
    "groups__carried__delay",
    "groups__carried__on_resolve",
    "groups__carried__position",
    "groups__carried__action__id",
    "groups__carried__action__slug",
    "groups__carried__action__name",
    "groups__carried__action__kind",
    "groups__carried__action__config",
    "groups__carried__action__enabled",
)


def _nothing(field: Any) -> Cast:
    """A typed NULL, so that both halves of a union have the same columns."""
    return Cast(Value(None), field)


_NO_CONDITION = (
    _nothing(BigIntegerField()),
    _nothing(CharField()),
    _nothing(JSONField()),
    _nothing(IntegerField()),
    _nothing(IntegerField()),
)
_NO_ACTION = (
    _nothing(BigIntegerField()),
    _nothing(IntegerField()),
    _nothing(BooleanField()),
    _nothing(IntegerField()),
    _nothing(BigIntegerField()),
    _nothing(CharField()),
    _nothing(CharField()),
    _nothing(CharField()),
    _nothing(JSONField()),
    _nothing(BooleanField()),
)


def _rows(ids: Collection[WorkflowId]) -> QuerySet[Workflow, tuple[Any, ...]]:
    """One statement: each group beside its conditions, then beside its actions.

    A union, so that conditions and actions add up instead of multiplying.
    """
    own = Workflow.objects.using(options.DATABASE).filter(pk__in=ids)
    conditions = own.values_list(*_OWN, *_GROUP, *_CONDITION, *_NO_ACTION)
    actions = own.values_list(*_OWN, *_GROUP, *_NO_CONDITION, *_CARRIED)
    return conditions.union(actions, all=True)


def _load(ids: Collection[WorkflowId]) -> dict[WorkflowId, WorkflowSnapshot | Absent]:
    by_id: dict[WorkflowId, list[tuple[Any, ...]]] = defaultdict(list)
    for row in _rows(ids):
        by_id[row[0]].append(row)
    return {key: _build(by_id[key]) if key in by_id else ABSENT for key in ids}


def _build(rows: list[tuple[Any, ...]]) -> WorkflowSnapshot:
    key, slug, name, enabled, environment, interval, snoozed, trace, _ = rows[0][:9]
    roles = {row[9]: row[8] for row in rows}
    groups = build_groups(GroupRow(*row[9:17]) for row in rows)
    carried = _carried(rows)
    ordered = sorted(groups.values(), key=lambda g: (g.position, g.id))
    snapshot = WorkflowSnapshot(
        id=key,
        slug=slug,
        name=name,
        enabled=enabled,
        environment=environment,
        interval_seconds=interval,
        snoozed_until=snoozed,
        trace_until=trace,
        when=next((g for g in ordered if roles[g.id] == "when"), None),
        ifs=tuple(_if(g, carried[g.id]) for g in ordered if roles[g.id] == "if"),
    )
    return msgspec.structs.replace(snapshot, revision=digest_of(snapshot))


def _if(group: GroupSnapshot, carried: dict[int, CarriedAction]) -> IfGroupSnapshot:
    actions = [action for _, action in sorted(carried.items())]
    actions.sort(key=lambda one: one.position)
    return IfGroupSnapshot(group=group, actions=tuple(actions))


def _carried(rows: list[tuple[Any, ...]]) -> dict[int, dict[int, CarriedAction]]:
    found: dict[int, dict[int, CarriedAction]] = defaultdict(dict)
    for row in rows:
        carried_id, delay, on_resolve, position, *action = row[17:]
        if carried_id is not None:
            found[row[9]][carried_id] = CarriedAction(
                action=_action(*action),
                delay_seconds=delay,
                on_resolve=on_resolve,
                position=position,
            )
    return found


def _action(  # noqa: PLR0913 - the columns of one action
    key: int, slug: str, name: str, kind: str, config: Any, enabled: bool  # noqa: FBT001
) -> ActionSnapshot:
    return ActionSnapshot(
        id=key,
        slug=slug,
        name=name,
        kind=kind,
        config=config,
        enabled=enabled,
        digest=digest_of([kind, config]),
        problem=problem_of(registry.actions.get(kind), config),
    )


def _load_ids(
    detector_ids: Collection[DetectorId],
) -> dict[DetectorId, tuple[WorkflowId, ...]]:
    rows = (
        DetectorWorkflow.objects.using(options.DATABASE)
        .filter(detector__in=detector_ids)
        .order_by("workflow")
        .values_list("detector", "workflow")
    )
    found: dict[DetectorId, list[WorkflowId]] = defaultdict(list)
    for detector_id, workflow_id in rows:
        found[detector_id].append(workflow_id)
    return {key: tuple(found[key]) for key in detector_ids}


workflow_ids_by_detector: CacheAccess[DetectorId, tuple[WorkflowId, ...]] = CacheAccess(
    mapping=CacheMapping("workflow_ids_by_detector", str),
    load=_load_ids,
    depends_on={DetectorWorkflow: lambda row: {row.detector_id}},
)

workflows: CacheAccess[WorkflowId, WorkflowSnapshot | Absent] = CacheAccess(
    mapping=CacheMapping("workflows", str),
    load=_load,
    depends_on={
        Workflow: lambda row: {row.id},
        Environment: workflows_of_environment,
        ConditionGroup: workflows_of_group,
        Condition: workflows_of_child,
        GroupAction: workflows_of_child,
        Action: workflows_of_action,
    },
)


def workflows_for_detectors(
    detector_ids: Iterable[DetectorId], environment: str
) -> dict[DetectorId, tuple[WorkflowSnapshot, ...]]:
    """Return for each detector the enabled workflows that apply in an environment, by id.

    They are those without an environment and those of exactly this name; "" is an event
    without one. A snoozed workflow is among them: the caller compares the times.
    """
    ids = workflow_ids_by_detector.get_many(detector_ids)
    found = workflows.get_many({i for linked in ids.values() for i in linked})
    return {
        detector_id: tuple(
            workflow
            for workflow in (found[i] for i in linked)
            if isinstance(workflow, WorkflowSnapshot)
            and workflow.enabled
            and workflow.environment in {None, environment}
        )
        for detector_id, linked in ids.items()
    }
