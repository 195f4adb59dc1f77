"""Owners: from a row of a rule's children to the detector or workflow it belongs to.

Each function takes many rows, reads them by column name, and asks one query.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from workflow_engine.caches import Direct, Resolved, Row
from workflow_engine.models import ConditionGroup, GroupAction, Workflow
from workflow_engine.types.snapshots import DetectorId, WorkflowId


def _there(owners: Iterable[int | None]) -> set[int]:
    return {owner for owner in owners if owner is not None}


def _detectors_of_groups(rows: Sequence[Row], using: str) -> set[DetectorId]:
    groups = ConditionGroup.objects.using(using).filter(
        pk__in={row["group_id"] for row in rows}, detector__isnull=False
    )
    return _there(groups.values_list("detector_id", flat=True))


def _workflows_of_groups(rows: Sequence[Row], using: str) -> set[WorkflowId]:
    groups = ConditionGroup.objects.using(using).filter(
        pk__in={row["group_id"] for row in rows}, workflow__isnull=False
    )
    return _there(groups.values_list("workflow_id", flat=True))


def _workflows_of_actions(rows: Sequence[Row], using: str) -> set[WorkflowId]:
    carried = GroupAction.objects.using(using).filter(
        action__in={row["id"] for row in rows}
    )
    return _there(carried.values_list("group__workflow_id", flat=True))


def _workflows_of_environments(rows: Sequence[Row], using: str) -> set[WorkflowId]:
    named = Workflow.objects.using(using).filter(
        environment__in={row["id"] for row in rows}
    )
    return set(named.values_list("pk", flat=True))


ITSELF: Final[Direct[int]] = Direct(("id",), lambda row: {row["id"]})

DETECTOR_OF_GROUP: Final[Direct[DetectorId]] = Direct(
    ("detector_id",), lambda row: _there([row["detector_id"]])
)
DETECTOR_OF_CHILD: Final[Resolved[DetectorId]] = Resolved(
    ("group_id",), _detectors_of_groups
)

WORKFLOW_OF_GROUP: Final[Direct[WorkflowId]] = Direct(
    ("workflow_id",), lambda row: _there([row["workflow_id"]])
)
WORKFLOW_OF_CHILD: Final[Resolved[WorkflowId]] = Resolved(
    ("group_id",), _workflows_of_groups
)
WORKFLOWS_OF_ACTION: Final[Resolved[WorkflowId]] = Resolved(
    ("id",), _workflows_of_actions
)
WORKFLOWS_OF_ENVIRONMENT: Final[Resolved[WorkflowId]] = Resolved(
    ("id",), _workflows_of_environments
)
