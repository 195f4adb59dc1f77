"""Data: the JSON value of an event, copied and cleaned when it is accepted.

The copy is the event's own: what the caller does to his objects later does not reach it. It
holds exact `dict`, `list`, `str`, `int`, `float`, `bool` and None; a tuple becomes a list
and an enum or another subclass of these the plain value, as Python's own JSON writer has it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from workflow_engine.types.event import JSON
from workflow_engine.types.paths import MAX_CHARACTERS, quote_key

MAX_CONTAINERS: Final = 32
#: More digits than this, and neither Python nor a broker would write the number as text.
MAX_DIGITS: Final = 4300
_TOO_LONG_INTEGER: Final = 10**MAX_DIGITS
_MAX_FAULTS: Final = 100  # so that an answer does not outgrow what it complains about
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_encode: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":")
).encode

# The way to a value: the way to its container and its key there; None = the top.
_Trail: TypeAlias = tuple[Any, str | int] | None


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the data of an event.

    Attributes:
        value: The copy; to be used only when there are no faults and it is whole.
        faults: What is no JSON and where, such as "NaN at data.v"; at most a hundred.
        is_whole: Copying was not broken off for the number of values.
    """

    value: JSON
    faults: tuple[str, ...] = ()
    is_whole: bool = True


def copy_data(value: object, *, max_values: int) -> Data:
    """Return a copy with U+FFFD for each U+0000 and each half of a surrogate pair.

    After `max_values` values in containers it is broken off: time and memory stay bounded
    for whatever is handed in, also for lists that contain themselves.
    """
    if type(value) is str:
        return Data(value=storable_text(value))
    copier = _Copier(max_values)
    copied = copier.copy(value, None, 0)
    faults = tuple(copier.faults)
    return Data(value=copied, faults=faults, is_whole=copier.values_left >= 0)


def json_bytes(value: JSON) -> int:
    """Return the length of a value as compact JSON in UTF-8."""
    return len(_encode(value).encode(errors="surrogatepass"))


def storable_text(text: str) -> str:
    """Return the text as a database can hold it, and as a plain `str`."""
    plain = str.__str__(text)
    if plain.isascii() and "\0" not in plain:
        return plain
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", plain)


class _Copier:
    """One copy being made; recursion ends at MAX_CONTAINERS."""

    __slots__ = ("faults", "values_left")

    def __init__(self, max_values: int) -> None:
        self.faults: list[str] = []
        self.values_left = max_values

    def copy(self, value: object, trail: _Trail, depth: int) -> JSON:
        copy = _COPIES.get(type(value)) or _copy_of_subclass(value)
        return copy(self, value, trail, depth)

    def refuse(self, what: str, trail: _Trail) -> None:
        if len(self.faults) < _MAX_FAULTS:
            self.faults.append(f"{what} at {_path(trail)}")

    def as_is(self, value: JSON, *_: object) -> JSON:
        return value

    def text(self, value: str, *_: object) -> str:
        return storable_text(value)

    def integer(self, value: int, trail: _Trail, *_: object) -> int:
        if not -_TOO_LONG_INTEGER < value < _TOO_LONG_INTEGER:
            self.refuse(f"int of more than {MAX_DIGITS} digits", trail)
        return int.__int__(value)

    def number(self, value: float, trail: _Trail, *_: object) -> float:
        if not math.isfinite(value):
            infinity = "Infinity" if value > 0 else "-Infinity"
            self.refuse("NaN" if math.isnan(value) else infinity, trail)
        return float.__float__(value)

    def mapping(self, value: dict[Any, Any], trail: _Trail, depth: int) -> JSON:
        copied: dict[str, JSON] = {}
        if self._goes_into(value, trail, depth):
            copy = self.copy
            for key, inner in value.items():
                if isinstance(key, str):
                    name = storable_text(key)
                    copied[name] = copy(inner, (trail, name), depth + 1)
                else:
                    self.refuse(f"key of type {type(key).__name__}", trail)
        return copied

    def sequence(self, value: list[Any], trail: _Trail, depth: int) -> JSON:
        if not self._goes_into(value, trail, depth):
            return []
        copy = self.copy
        return [copy(one, (trail, at), depth + 1) for at, one in enumerate(value)]

    def foreign(self, value: object, trail: _Trail, *_: object) -> JSON:
        self.refuse(type(value).__name__, trail)
        return None

    def _goes_into(
        self, value: dict[Any, Any] | list[Any], trail: _Trail, depth: int
    ) -> bool:
        if depth >= MAX_CONTAINERS:
            self.refuse(f"deeper than {MAX_CONTAINERS} containers", trail)
            return False
        self.values_left -= len(value)
        return self.values_left >= 0


_Copy: TypeAlias = Callable[[_Copier, Any, _Trail, int], JSON]

_COPIES: Final[dict[type, _Copy]] = {
    str: _Copier.text,
    int: _Copier.integer,
    bool: _Copier.as_is,
    type(None): _Copier.as_is,
    float: _Copier.number,
    dict: _Copier.mapping,
    list: _Copier.sequence,
    tuple: _Copier.sequence,
}


def _copy_of_subclass(value: object) -> _Copy:
    found = (copy for kind, copy in _COPIES.items() if isinstance(value, kind))
    return next(found, _Copier.foreign)


def _path(trail: _Trail) -> str:
    """Return the path to a value as a condition would name it, cut where it is too long."""
    segments: list[str] = []
    while trail is not None:
        trail, key = trail
        segments.append(str(key) if isinstance(key, int) else quote_key(key))
    text = ".".join(["data", *reversed(segments)])
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"
