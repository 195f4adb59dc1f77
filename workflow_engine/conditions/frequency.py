"""Frequency: how many events came in a period, counted in buckets.

This module knows the arithmetic; who counts and who reads the counts stands above.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from workflow_engine.conditions.base import Question, register_condition

MAX_PERIOD_SECONDS: Final = 604_800  # a week
_BUCKETS: Final = (
    60  # a period has about so many; one up to 60 s is exact to the second
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OPERATORS: Final = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
}


class Buckets(NamedTuple):
    """The buckets that make up a period, both ends included.

    Attributes:
        step: Seconds in a bucket.
        first: Number of the oldest bucket.
        last: Number of the bucket of the event itself.
    """

    step: int
    first: int
    last: int


def step_of(period: int) -> int:
    """Return the seconds in one bucket of a period of so many seconds."""
    return max(1, period // _BUCKETS)


def bucket_of(time: datetime, step: int) -> int:
    """Return the number of the bucket an aware moment falls into."""
    return (time - _EPOCH) // timedelta(seconds=step)


def buckets_of(period: int, time: datetime) -> Buckets:
    """Return the buckets counted for a period that ends at an aware moment.

    They cover the whole period for one up to 60 s; for a longer one at most one step is
    short at the old end.
    """
    step = step_of(period)
    last = bucket_of(time, step)
    return Buckets(step, last - -(-period // step) + 1, last)


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
