"""Workflows: which care for a detector, and each with its groups and actions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from workflow_engine import registry
from workflow_engine.caches import CacheAccess, CacheMapping, Direct, LookUp
from workflow_engine.caches.mapping import parse_id
from workflow_engine.conf import options
from workflow_engine.lookups.actions import CARRIED, build_carried
from workflow_engine.lookups.groups import build_groups
from workflow_engine.lookups.owners import (
    ITSELF,
    WORKFLOW_OF_CHILD,
    WORKFLOW_OF_GROUP,
    WORKFLOWS_OF_ACTION,
    WORKFLOWS_OF_ENVIRONMENT,
)
from workflow_engine.lookups.parts import CONDITION, GROUP, Parts, instant, part, read
from workflow_engine.lookups.revision import with_workflow_revision
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
    DetectorId,
    IfGroupSnapshot,
    WorkflowId,
    WorkflowSnapshot,
)


def _load_ids(
    detector_ids: Sequence[DetectorId],
) -> dict[DetectorId, tuple[WorkflowId, ...]]:
    links = DetectorWorkflow.objects.using(options.DATABASE).filter(
        detector__in=detector_ids
    )
    found: dict[DetectorId, list[WorkflowId]] = defaultdict(list)
    for detector_id, workflow_id in links.values_list("detector_id", "workflow_id"):
        found[detector_id].append(workflow_id)
    return {key: tuple(sorted(found[key])) for key in detector_ids}


def _load(ids: Sequence[WorkflowId]) -> dict[WorkflowId, WorkflowSnapshot | Absent]:
    using = options.DATABASE
    own = {
        "id": "id",
        "slug": "slug",
        "name": "name",
        "enabled": "enabled",
        "environment": "environment__name",
        "interval": "interval",
        "snoozed_until": "snoozed_until",
        "trace_until": "trace_until",
    }
    workflow_rows = Workflow.objects.using(using).filter(pk__in=ids)
    groups = ConditionGroup.objects.using(using).filter(workflow__in=ids)
    conditions = Condition.objects.using(using).filter(group__workflow__in=ids)
    carried = GroupAction.objects.using(using).filter(group__workflow__in=ids)
    found = read(
        part(workflow_rows, "workflow", owner="id", columns=own),
        part(groups, "group", owner="workflow_id", columns=GROUP),
        part(conditions, "condition", owner="group__workflow_id", columns=CONDITION),
        part(carried, "carried", owner="group__workflow_id", columns=CARRIED),
    )
    return {key: _build(found[key], using) if key in found else ABSENT for key in ids}


def _build(parts: Parts, using: str) -> WorkflowSnapshot:
    (own,) = parts["workflow"]
    groups = build_groups(parts)
    carried = build_carried(parts)
    return with_workflow_revision(
        WorkflowSnapshot(
            id=own["id"],
            slug=own["slug"],
            name=own["name"],
            enabled=bool(own["enabled"]),
            environment=own["environment"],
            interval_seconds=own["interval"],
            snoozed_until=instant(own["snoozed_until"], using),
            trace_until=instant(own["trace_until"], using),
            when=groups["when"][0] if groups["when"] else None,
            ifs=tuple(
                IfGroupSnapshot(group=group, actions=carried[group.id])
                for group in groups["if"]
            ),
        )
    )


workflow_ids_by_detector: CacheAccess[DetectorId, tuple[WorkflowId, ...]] = CacheAccess(
    CacheMapping("workflow_ids_by_detector", str, parse_id),
    load=_load_ids,
    depends_on={
        DetectorWorkflow: Direct(("detector_id",), lambda row: {row["detector_id"]})
    },
    value_type=tuple[WorkflowId, ...],
)

workflows: CacheAccess[WorkflowId, WorkflowSnapshot | Absent] = CacheAccess(
    CacheMapping("workflows", str, parse_id),
    load=_load,
    depends_on={
        Workflow: ITSELF,
        Environment: WORKFLOWS_OF_ENVIRONMENT,
        ConditionGroup: WORKFLOW_OF_GROUP,
        Condition: WORKFLOW_OF_CHILD,
        GroupAction: WORKFLOW_OF_CHILD,
        Action: WORKFLOWS_OF_ACTION,
    },
    value_type=WorkflowSnapshot | Absent,
    also=registry.fingerprint,
    empties=(ABSENT,),
)


def workflows_for_detectors(
    detector_ids: Iterable[DetectorId], environment: str
) -> dict[DetectorId, tuple[WorkflowSnapshot, ...]]:
    """Return for each detector the enabled workflows that apply in an environment, by id.

    They are those without an environment and those of exactly this name; "" is an event
    without one. A snoozed workflow is among them: the caller compares the times. One
    look-up, whatever the number of detectors.
    """
    wanted = tuple(detector_ids)
    look_up = LookUp(workflow_ids_by_detector, workflows)
    kept = look_up.kept(environment, wanted)
    if kept is not None:
        return kept
    ids = look_up.get_many(workflow_ids_by_detector, wanted)
    found = look_up.get_many(
        workflows, [key for linked in ids.values() for key in linked]
    )
    answers = applicable(ids, found, environment)
    look_up.keep(environment, answers)
    return answers


def applicable(
    ids: Mapping[DetectorId, Sequence[WorkflowId]],
    found: Mapping[WorkflowId, WorkflowSnapshot | Absent],
    environment: str,
) -> dict[DetectorId, tuple[WorkflowSnapshot, ...]]:
    """Return of the workflows linked to each detector those that apply, in this order."""
    environments = {None, environment}
    those = {
        key: workflow
        for key, workflow in found.items()
        if isinstance(workflow, WorkflowSnapshot)
        and workflow.enabled
        and workflow.environment in environments
    }
    return {
        detector_id: tuple([those[key] for key in linked if key in those])
        for detector_id, linked in ids.items()
    }
