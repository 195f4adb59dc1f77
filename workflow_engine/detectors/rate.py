"""Rate: so many events in a period, by the times they carry."""

from __future__ import annotations

from datetime import datetime

from workflow_engine.detectors.base import (
    PRIORITY_SCHEMA,
    Answer,
    priority_of,
    register_detector,
)
from workflow_engine.detectors.buckets import Buckets
from workflow_engine.detectors.wakes import wake_anew, wake_once
from workflow_engine.types.buckets import MAX_PERIOD_SECONDS
from workflow_engine.types.detection import Sample, State, opened, resolved
from workflow_engine.types.event import JSON
from workflow_engine.types.priority import Priority
from workflow_engine.types.reasons import Reason


def _problems(config: JSON) -> list[str]:
    if config.get("resolve", 0) >= config["count"]:
        return ["resolve: must be less than count"]
    return []


@register_detector(
    "rate",
    schema={
        "type": "object",
        "required": ["period", "count"],
        "properties": {
            "period": {
                "type": "integer",
                "title": "Period (seconds)",
                "minimum": 1,
                "maximum": MAX_PERIOD_SECONDS,
            },
            "count": {
                "type": "integer",
                "title": "Count",
                "description": "Events in the period from which on it is open",
                "minimum": 1,
            },
            "resolve": {
                "type": "integer",
                "title": "Resolve",
                "description": "Events left when it is over; by default one below count",
                "minimum": 0,
            },
            "priority": PRIORITY_SCHEMA,
        },
        "additionalProperties": False,
    },
    stateful=True,
    ordered=False,
    check=_problems,
)
class Rate:
    """Opens at an event; ends at the moment the count would fall, unless more came."""

    def detect(self, sample: Sample, state: State, config: JSON) -> Answer:
        """Count the event in its own bucket, however late it is."""
        buckets = Buckets.read(config["period"], state.memory)
        buckets = buckets.counting(sample.event.time)
        state = state.remember(**buckets.as_memory())
        falls_at = buckets.falls_at(_resolve(config)) or sample.now
        if state.priority is not Priority.OK:
            return wake_once(state, falls_at, sample.now), Reason.UNCHANGED
        if buckets.total < config["count"]:
            return state, Reason.BELOW_RATE
        return wake_anew(state, falls_at), opened(priority_of(config), buckets.total)

    def tick(self, state: State, config: JSON, now: datetime) -> Answer:
        """Resolve once the count has fallen, else ask to be woken when it will have."""
        if state.priority is Priority.OK:
            return state, Reason.UNCHANGED
        buckets = Buckets.read(config["period"], state.memory)
        falls_at = buckets.falls_at(_resolve(config))
        if falls_at is None or falls_at <= now:
            return state, resolved(buckets.total_at(now))
        return wake_anew(state, falls_at), Reason.UNCHANGED


def _resolve(config: JSON) -> int:
    most: int = config.get("resolve", config["count"] - 1)
    return most
