"""Coercion: which sort of JSON a value is, and reading it as another where `as` asks for it."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from typing import Final

from workflow_engine.exceptions import ConditionFailed
from workflow_engine.types.event import JSON
from workflow_engine.types.instants import parse_instant
from workflow_engine.types.paths import MISSING

# bool stands before int, whose subclass it is.
_SORTS: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "list",
    dict: "object",
    datetime: "time",
    type(MISSING): "nothing",
}
_NUMBER: Final = re.compile(
    r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII
)  # RFC 8259, section 6

KINDS: Final = ("number", "time", "string")


def sort_of(value: JSON) -> str:
    """Return the name of the value's sort; all of JSON, and "time" after coercion."""
    sort = _SORTS.get(type(value))
    if sort is not None:
        return sort
    known = (name for kind, name in _SORTS.items() if isinstance(value, kind))
    return next(known, "foreign")


def coerce(value: JSON, kind: str) -> JSON:
    """Return the value read as `kind`, one of KINDS; null and MISSING stay what they are.

    Raises:
        ConditionFailed: `cannot_coerce`; the message never holds the value.
    """
    if value is None or value is MISSING:
        return value
    read = _READERS[kind](value)
    if read is None:
        message = f"cannot read this {sort_of(value)} as {kind}"
        raise ConditionFailed("cannot_coerce", message)
    return read


def fold(value: JSON) -> JSON:
    """Return the value with every string in it case-folded; keys stay."""
    if isinstance(value, str):
        return value.casefold()
    if isinstance(value, list):
        return [fold(element) for element in value]
    if isinstance(value, dict):
        return {key: fold(element) for key, element in value.items()}
    return value


def _number(value: JSON) -> JSON:
    if sort_of(value) == "number":
        return value
    match = _NUMBER.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        number = float(value) if any(match.groups()) else int(value)
    except ValueError:  # more digits than Python reads
        return None
    return number if math.isfinite(number) else None


def _time(value: JSON) -> datetime | None:
    return parse_instant(value) if isinstance(value, str) else None


def _string(value: JSON) -> str | None:
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, int | float) else None


_READERS: Final = {"number": _number, "time": _time, "string": _string}
