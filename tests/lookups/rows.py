"""Rows behind look-ups: whole detectors and workflows, with every kind of child."""

from __future__ import annotations

from typing import Any

from tests.factories import (
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from workflow_engine.models import Detector, Workflow


def whole_detector(**attributes: Any) -> Detector:
    """Return a detector with a trigger group of two conditions."""
    detector = DetectorFactory(**attributes)
    group = ConditionGroupFactory(trigger=True, detector=detector)
    ConditionFactory(group=group)
    ConditionFactory(group=group, result=75)
    return detector


def whole_workflow(**attributes: Any) -> Workflow:
    """Return a workflow with a when-group and two if-groups, one of them with actions."""
    workflow = WorkflowFactory(**attributes)
    when = ConditionGroupFactory(workflow=workflow, logic="any")
    ConditionFactory(group=when)
    ConditionFactory(group=when)
    first = ConditionGroupFactory(workflow=workflow, if_group=True, position=1)
    ConditionFactory(group=first)
    GroupActionFactory(group=first, position=1)
    GroupActionFactory(group=first, position=0, escalation=True, on_resolve=True)
    ConditionGroupFactory(workflow=workflow, if_group=True, position=2)
    return workflow


def linked(detector: Detector, *workflows: Workflow) -> None:
    """Link workflows to a detector."""
    for workflow in workflows:
        DetectorWorkflowFactory(detector=detector, workflow=workflow)
