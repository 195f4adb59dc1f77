"""Threshold: a number against up to three levels, with counting before it changes its mind."""

from __future__ import annotations

import math
import operator
from itertools import pairwise
from typing import Any, Final

from workflow_engine.detectors.base import LEVELS, Answer, register_detector
from workflow_engine.exceptions import InvalidPath
from workflow_engine.types.detection import (
    Change,
    Finding,
    Sample,
    State,
    repeated,
    resolved,
)
from workflow_engine.types.event import JSON
from workflow_engine.types.paths import MAX_CHARACTERS, parse_path
from workflow_engine.types.priority import Priority
from workflow_engine.types.reasons import Reason

_BREAKS: Final = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_SCHEMA: Final[dict[str, JSON]] = {
    "type": "object",
    "required": ["path", "op", "levels"],
    "properties": {
        "path": {
            "type": "string",
            "title": "Path",
            "description": "Where the number is in the event, such as data.value",
            "minLength": 1,
            "maxLength": MAX_CHARACTERS,
        },
        "op": {"enum": list(_BREAKS), "title": "Comparison"},
        "levels": {
            "type": "object",
            "title": "Levels",
            "description": "The bound of each priority that can be reached",
            "properties": {level.label: {"type": "number"} for level in LEVELS},
            "additionalProperties": False,
            "minProperties": 1,
        },
        "resolve": {
            "type": "number",
            "title": "Resolve",
            "description": "The bound of good values; by default the lowest level",
        },
        "breaches": {
            "type": "integer",
            "title": "Breaches",
            "description": "Samples in a row before the priority changes",
            "minimum": 1,
            "default": 1,
        },
        "clears": {
            "type": "integer",
            "title": "Clears",
            "description": "Good samples in a row before it is resolved",
            "minimum": 1,
            "default": 1,
        },
        "repeat": {
            "type": "boolean",
            "title": "Repeat",
            "description": "Speak at every sample that keeps the priority",
            "default": False,
        },
    },
    "additionalProperties": False,
}


def _bounds(config: JSON) -> dict[Priority, Any]:
    """Return the bound of each configured level, the lowest first."""
    levels = config["levels"]
    return {level: levels[level.label] for level in LEVELS if level.label in levels}


def _resolve_bound(config: JSON) -> Any:
    return config.get("resolve", next(iter(_bounds(config).values())))


def _problems(config: JSON) -> list[str]:
    bounds, resolve = _bounds(config), _resolve_bound(config)
    found = []
    try:
        parse_path(config["path"])
    except InvalidPath as error:
        found.append(f"path: {error}")
    # Compared, since an integer may be too large for math.isfinite.
    if not all(-math.inf < bound < math.inf for bound in (*bounds.values(), resolve)):
        return [*found, "levels, resolve: NaN and infinity are no bounds"]
    is_upper = config["op"] in {"gt", "gte"}
    harder, word = (operator.gt, "above") if is_upper else (operator.lt, "below")
    for (lower, bound), (higher, next_bound) in pairwise(bounds.items()):
        if not harder(next_bound, bound):
            found.append(f"levels: {higher.label} must be {word} {lower.label}")
    lowest = next(iter(bounds))
    if harder(resolve, bounds[lowest]):
        found.append(f"resolve: must not be {word} the lowest level, {lowest.label}")
    return found


@register_detector("threshold", schema=_SCHEMA, stateful=True, check=_problems)
def threshold(sample: Sample, state: State, config: JSON) -> Answer:
    """Answer by the number at the path, once it was there often enough in a row."""
    value = sample.facts.get(config["path"])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return state, Reason.NO_VALUE
    grade = _grade(value, config)
    quiet = state.replace(streaks={}, clears=0)
    if grade is None:
        return quiet, Reason.GAP
    if grade is Priority.OK:
        return _good(value, state, config)
    if grade is state.priority:
        is_told = config.get("repeat", False)
        return quiet, repeated(grade, value) if is_told else Reason.UNCHANGED
    return _bad(value, grade, state, config)


def _grade(value: float, config: JSON) -> Priority | None:
    """Return the highest level whose bound the value breaks, OK, or None for the gap."""
    breaks = _BREAKS[config["op"]]
    broken = [level for level, bound in _bounds(config).items() if breaks(value, bound)]
    if broken:
        return broken[-1]
    return None if breaks(value, _resolve_bound(config)) else Priority.OK


def _good(value: float, state: State, config: JSON) -> Answer:
    quiet = state.replace(streaks={}, clears=0)
    if state.priority is Priority.OK:
        return quiet, Reason.UNCHANGED
    clears = state.clears + 1
    if clears >= config.get("clears", 1):
        return quiet, resolved(value)
    return quiet.replace(clears=clears), Reason.COUNTING


def _bad(value: float, grade: Priority, state: State, config: JSON) -> Answer:
    """Count for every level the value stands for but the present one; the highest wins."""
    before = state.priority
    floor = before if grade > before else Priority.OK
    counted = [level for level in _bounds(config) if floor < level <= grade]
    streaks = {level.label: state.streaks.get(level.label, 0) + 1 for level in counted}
    breaches = config.get("breaches", 1)
    reached = [level for level in counted if streaks[level.label] >= breaches]
    if not reached:
        return state.replace(streaks=streaks, clears=0), Reason.COUNTING
    return state.replace(streaks={}, clears=0), _change(before, reached[-1], value)


def _change(before: Priority, after: Priority, value: float) -> Finding:
    if before is Priority.OK:
        return Finding(Change.OPENED, after, value)
    return Finding(Change.RAISED if after > before else Change.LOWERED, after, value)
