"""Filter: what a template may do to a value between reading and writing it.

    default:"x"     x where nothing, null or "" is
    upper, lower    the text in capitals, in small letters
    truncate:"n"    at most n characters, the last one … when something was cut
    join:", "       the elements of a list as one text
    date:"Y-m-d"    a moment in Django's notation, in the current time zone
    json            the value as JSON text

A filter gets a JSON value or MISSING, and MISSING stays what it is for all but `default`.
"""

from __future__ import annotations

import json as json_text
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from django.utils import dateformat, timezone

from workflow_engine.types.event import JSON
from workflow_engine.types.instants import parse_instant
from workflow_engine.types.paths import MISSING, Missing

Value: TypeAlias = JSON | Missing

_ELLIPSIS: Final = "…"
_MOST_DIGITS: Final = 5  # a rendering has at most 65,536 characters


def _always_fine(_: str) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One filter.

    Attributes:
        apply: Given the value and the argument, the new value.
        default: The argument when none is written; None = one must be written.
        takes: What the argument is, for people; "" = none may be written.
        problem: What is wrong with an argument, "" when it is fine.
    """

    apply: Callable[[Value, str], Value]
    default: str | None = None
    takes: str = ""
    problem: Callable[[str], str] = _always_fine


def text_of(value: JSON) -> str:
    """Return a JSON value as text: strings as they are, null as "", the rest as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json_of(value)


def json_of(value: JSON) -> str:
    """Return a JSON value as JSON text, on one line and as short as it can be."""
    return json_text.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _or_default(value: Value, argument: str) -> Value:
    is_something = value is not MISSING and value is not None and value != ""
    return value if is_something else argument


def _shorten(value: Value, argument: str) -> Value:
    text, most = text_of(value), int(argument)
    return text if len(text) <= most else text[: most - 1] + _ELLIPSIS


def _join(value: Value, argument: str) -> Value:
    if not isinstance(value, list):
        return value
    return argument.join(text_of(element) for element in value)


def _date(value: Value, argument: str) -> Value:
    moment = parse_instant(value) if isinstance(value, str) else None
    if moment is None:
        return value
    return dateformat.format(timezone.localtime(moment), argument)


def _present(apply: Callable[[Value, str], Value]) -> Callable[[Value, str], Value]:
    """Return a filter that leaves MISSING alone."""
    return lambda value, argument: value if value is MISSING else apply(value, argument)


def _no_count(argument: str) -> str:
    is_count = argument.isascii() and argument.isdecimal()
    is_count = is_count and len(argument) <= _MOST_DIGITS and int(argument) > 0
    return "" if is_count else 'it takes a whole number from 1, such as truncate:"80"'


FILTERS: Final[dict[str, Filter]] = {
    "default": Filter(apply=_or_default, takes="a text"),
    "upper": Filter(
        apply=_present(lambda value, _: text_of(value).upper()), default=""
    ),
    "lower": Filter(
        apply=_present(lambda value, _: text_of(value).lower()), default=""
    ),
    "truncate": Filter(
        apply=_present(_shorten), takes="a number of characters", problem=_no_count
    ),
    "join": Filter(apply=_present(_join), default=", ", takes="a separator"),
    "date": Filter(
        apply=_present(_date),
        default="Y-m-d H:i T",
        takes="a format",
    ),
    "json": Filter(apply=_present(lambda value, _: json_of(value)), default=""),
}
