"""Values that cross floors: frozen, plain, knowing neither Django nor each other's use.

What is not here: anything that asks a clock, a database or a setting.
"""

from workflow_engine.types.detection import (
    Change,
    Detection,
    Finding,
    Sample,
    State,
    opened,
    repeated,
    resolved,
)
from workflow_engine.types.event import Event
from workflow_engine.types.facts import Facts
from workflow_engine.types.outcome import Outcome
from workflow_engine.types.paths import MISSING
from workflow_engine.types.priority import Priority
from workflow_engine.types.reasons import Reason, Result

__all__ = [
    "MISSING",
    "Change",
    "Detection",
    "Event",
    "Facts",
    "Finding",
    "Outcome",
    "Priority",
    "Reason",
    "Result",
    "Sample",
    "State",
    "opened",
    "repeated",
    "resolved",
]
