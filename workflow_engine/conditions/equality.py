"""Equality: when two JSON values are the same, and a digest that agrees with it."""

from __future__ import annotations

import hashlib
import json

from workflow_engine.conditions.coercion import sort_of
from workflow_engine.types.event import JSON
from workflow_engine.types.paths import MISSING, Missing

_SIGHT_BYTES = 12  # 96 bits: short enough for a state's memory, far from any collision


def equal(one: JSON, other: JSON) -> bool:
    """Tell whether two values are the same JSON.

    Numbers by value, also beyond 2**53; booleans are not numbers; lists and objects deeply.
    """
    sort = sort_of(one)
    if sort != sort_of(other):
        return False
    if sort == "list":
        return len(one) == len(other) and all(map(equal, one, other))
    if sort == "object":
        same_keys = one.keys() == other.keys()
        return same_keys and all(equal(one[key], other[key]) for key in one)
    return bool(one == other)


def sight(value: JSON | Missing) -> str:
    """Return a digest that is the same for equal values and differs for others.

    MISSING and null are values here, each of its own.
    """
    text = "" if value is MISSING else json.dumps(_plain(value), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=_SIGHT_BYTES).hexdigest()


def _plain(value: JSON) -> JSON:
    """Write whole numbers as integers, so that 1 and 1.0 have one text."""
    if isinstance(value, list):
        return [_plain(element) for element in value]
    if isinstance(value, dict):
        return {key: _plain(element) for key, element in value.items()}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
