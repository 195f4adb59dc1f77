"""Condition types, and the groups that judge by them: pure rules over facts.

What is not here: rows, queries, settings, a clock, who asks, and what follows from a verdict.
Importing this package registers the built-in types in `registry.conditions`.
"""

from workflow_engine.conditions import comparisons, frequency, texts
from workflow_engine.conditions.base import (
    Question,
    SlowCondition,
    ask_slow,
    register_condition,
)
from workflow_engine.conditions.changed import paths_watched
from workflow_engine.conditions.equality import equal, sight
from workflow_engine.conditions.groups import judge, results_of
from workflow_engine.types.buckets import buckets_of

__all__ = [
    "Question",
    "SlowCondition",
    "ask_slow",
    "buckets_of",
    "comparisons",
    "equal",
    "frequency",
    "judge",
    "paths_watched",
    "register_condition",
    "results_of",
    "sight",
    "texts",
]
