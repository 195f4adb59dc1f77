"""Owners: from a row of a rule's children to the detector or workflow it belongs to."""

from __future__ import annotations

from typing import Any

from workflow_engine.conf import options
from workflow_engine.models import ConditionGroup, GroupAction, Workflow


def detectors_of_group(row: Any) -> set[int]:
    """Return the detector whose trigger group this is."""
    return {row.detector_id} - {None}


def workflows_of_group(row: Any) -> set[int]:
    """Return the workflow whose when- or if-group this is."""
    return {row.workflow_id} - {None}


def detectors_of_condition(row: Any) -> set[int]:
    """Return the detector of a condition's group; one query."""
    groups = ConditionGroup.objects.using(options.DATABASE).filter(
        pk=row.group_id, detector__isnull=False
    )
    return {owner for owner in groups.values_list("detector", flat=True) if owner}


def workflows_of_child(row: Any) -> set[int]:
    """Return the workflow of a condition's or carried action's group; one query."""
    groups = ConditionGroup.objects.using(options.DATABASE).filter(
        pk=row.group_id, workflow__isnull=False
    )
    return {owner for owner in groups.values_list("workflow", flat=True) if owner}


def workflows_of_action(row: Any) -> set[int]:
    """Return the workflows that carry an action; one query."""
    carried = GroupAction.objects.using(options.DATABASE).filter(action=row.id)
    owners = carried.values_list("group__workflow", flat=True)
    return {owner for owner in owners if owner is not None}


def workflows_of_environment(row: Any) -> set[int]:
    """Return the workflows that name an environment; one query."""
    named = Workflow.objects.using(options.DATABASE).filter(environment=row.id)
    return set(named.values_list("pk", flat=True))
