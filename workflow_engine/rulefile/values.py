"""Value: the JSON inside a rule, as every database stores it and gives it back."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

from workflow_engine.conf import options
from workflow_engine.types.event import JSON

MOST_CONTAINERS: Final = 32  # deep, as in an event

HIDDEN: Final = "[hidden]"

#: From here on a float is written with an exponent, which PostgreSQL does not keep.
_EXPONENT_FROM: Final = 1e16


def value_problem(value: object) -> str:
    """Return why a value is not JSON that can be stored; "" when it is."""
    waiting: list[tuple[object, int]] = [(value, 0)]
    while waiting:
        one, depth = waiting.pop()
        if depth > MOST_CONTAINERS:
            return f"is more than {MOST_CONTAINERS} containers deep; flatten it"
        if isinstance(one, dict):
            waiting += [(part, depth + 1) for part in one.values()]
            parts: list[object] = list(one)
            problem = next((p for key in parts if (p := _key_problem(key))), "")
        elif isinstance(one, list):
            waiting += [(part, depth + 1) for part in one]
            problem = ""
        else:
            problem = _scalar_problem(one)
        if problem:
            return problem
    return ""


def text_problem(text: str) -> str:
    """Return why a text cannot be stored; "" when it can."""
    if "\0" in text:
        return "contains U+0000; take it out"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "contains half a surrogate pair; write the whole character"
    return ""


def is_secret(path: str) -> bool:
    """Whether what stands under a key, or a path of keys, may not be shown."""
    return any(word.lower() in path.lower() for word in options.REDACT_KEYS)


def shown(value: JSON) -> JSON:
    """Return a value with everything under a secret's key hidden, at any depth."""
    if isinstance(value, dict):
        return {k: HIDDEN if is_secret(k) else shown(v) for k, v in value.items()}
    if isinstance(value, list):
        return [shown(part) for part in value]
    return value


def _key_problem(key: object) -> str:
    return text_problem(key) if isinstance(key, str) else "has a key that is not a text"


def _scalar_problem(value: object) -> str:
    if isinstance(value, str):
        return text_problem(value)
    if isinstance(value, float) and not math.isfinite(value):
        return f"contains {value}, which is not JSON; write a number"
    if value is None or isinstance(value, bool | int | float):
        return ""
    return f"contains a {type(value).__name__}, which is not JSON"


def normal(value: JSON) -> JSON:
    """Return the one form of a JSON value, so that two databases give one file."""
    if isinstance(value, dict):
        return {key: normal(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [normal(part) for part in value]
    if isinstance(value, float):
        return _normal_number(value)
    return value


def _normal_number(value: float) -> float | int:
    if value == 0:
        return 0.0  # PostgreSQL has no negative zero
    if abs(value) >= _EXPONENT_FROM:
        return int(Decimal(repr(value)))
    return value
