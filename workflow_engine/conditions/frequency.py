"""Frequency: how many events came in a period; who counts them stands above."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Final

from workflow_engine.conditions.base import Question, register_condition
from workflow_engine.types.buckets import MAX_PERIOD_SECONDS

_OPERATORS: Final = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
}


@register_condition(
    "frequency",
    label="frequency",
    schema={
        "type": "object",
        "required": ["period", "op", "value"],
        "properties": {
            "period": {
                "type": "integer",
                "title": "Period (seconds)",
                "minimum": 1,
                "maximum": MAX_PERIOD_SECONDS,
            },
            "op": {"enum": list(_OPERATORS), "title": "Comparison"},
            "value": {"type": "integer", "title": "Number of events", "minimum": 0},
        },
        "additionalProperties": False,
    },
    roles=frozenset({"when", "if"}),
)
class Frequency:
    """Compares the number of events of a period with a number."""

    slow = True

    def evaluate_many(self, questions: Sequence[Question]) -> dict[Question, bool]:
        """Return the answer to every question; each is counted by its own `count()`."""
        return {question: self._holds(question) for question in questions}

    @staticmethod
    def _holds(question: Question) -> bool:
        config = question.config
        compare = _OPERATORS[config["op"]]
        return bool(compare(question.count(), config["value"]))
