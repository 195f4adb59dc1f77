"""Watched: the tables whose changes spoil entries, and the columns that say which.

A migration that adds one of these columns needs nothing: triggers know it from the end of
`migrate` on. One that renames or removes one calls `install` next, before it writes a rule.
"""

from __future__ import annotations

from typing import Final

from django.db import models

from workflow_engine.models.action import Action, GroupAction
from workflow_engine.models.condition import Condition
from workflow_engine.models.detector import Detector
from workflow_engine.models.environment import Environment
from workflow_engine.models.group import ConditionGroup
from workflow_engine.models.workflow import DetectorWorkflow, Workflow

#: By model, the columns of which the outbox keeps the old and the new values.
WATCHED: Final[dict[type[models.Model], tuple[str, ...]]] = {
    Environment: ("id",),
    Detector: ("id", "event_type", "source", "enabled"),
    Workflow: ("id", "environment_id"),
    DetectorWorkflow: ("id", "detector_id", "workflow_id"),
    ConditionGroup: ("id", "detector_id", "workflow_id"),
    Condition: ("id", "group_id"),
    Action: ("id",),
    GroupAction: ("id", "group_id", "action_id"),
}
