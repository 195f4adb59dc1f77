"""Tables: fields, constraints and texts of rows; QuerySets that read and write them.

What is not here: deciding anything, caching anything, and the writing of items, which
belongs to `queue.store`.
"""

from workflow_engine.models.action import Action, GroupAction
from workflow_engine.models.cache_forget import CacheForget
from workflow_engine.models.cache_rows import CacheGeneration, CacheOutbox
from workflow_engine.models.condition import Condition
from workflow_engine.models.count import Bucket, CountQuestion, EventCount
from workflow_engine.models.decision import Decision, WorkflowDecision
from workflow_engine.models.delivery import Delivery
from workflow_engine.models.detector import Detector
from workflow_engine.models.environment import Environment
from workflow_engine.models.firing import Firing, FiringState
from workflow_engine.models.group import ConditionGroup
from workflow_engine.models.health import ActionHealth
from workflow_engine.models.interval import (
    Acquisition,
    ActionInterval,
    Holding,
    IntervalKey,
)
from workflow_engine.models.metric import MetricBucket, Size
from workflow_engine.models.metric_source import MetricSource
from workflow_engine.models.pages import Cache, Dashboard
from workflow_engine.models.pause import Pause
from workflow_engine.models.receipt import EventReceipt
from workflow_engine.models.state import DetectorState
from workflow_engine.models.work_item import ItemState, WorkItem
from workflow_engine.models.workflow import DetectorWorkflow, Workflow

__all__ = [
    "Acquisition",
    "Action",
    "ActionHealth",
    "ActionInterval",
    "Bucket",
    "Cache",
    "CacheForget",
    "CacheGeneration",
    "CacheOutbox",
    "Condition",
    "ConditionGroup",
    "CountQuestion",
    "Dashboard",
    "Decision",
    "Delivery",
    "Detector",
    "DetectorState",
    "DetectorWorkflow",
    "Environment",
    "EventCount",
    "EventReceipt",
    "Firing",
    "FiringState",
    "GroupAction",
    "Holding",
    "IntervalKey",
    "ItemState",
    "MetricBucket",
    "MetricSource",
    "Pause",
    "Size",
    "WorkItem",
    "Workflow",
    "WorkflowDecision",
]
