"""Envelope: CloudEvents 1.0 as structured JSON, checked and made an event.

Every problem is found, not the first only; a message names the attribute and the cure and
never repeats a value. As in CloudEvents, null is the same as an absent attribute.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from workflow_engine.exceptions import EventProblem, InvalidEvent
from workflow_engine.types.data import MAX_DIGITS, copy_data, json_bytes
from workflow_engine.types.event import JSON, Event
from workflow_engine.types.instants import parse_instant

SPECVERSION: Final = "1.0"
MAX_REST_BYTES: Final = 6144  # of everything but `data`, so that an event fits an item
MAX_CHARACTERS: Final = {
    "id": 200,
    "source": 500,
    "type": 200,
    "subject": 200,
    "environment": 64,
}
_NAMES: Final = frozenset(
    {*MAX_CHARACTERS, "specversion", "time", "data", "datacontenttype", "dataschema"}
)
_EXTENSION_NAME: Final = re.compile("[a-z0-9]{1,20}")
_FORBIDDEN: Final = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")
_SHOWN_CHARACTERS: Final = 40
_TOO_LONG_INTEGER: Final = 10**MAX_DIGITS


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is accepted of an event.

    Attributes:
        max_bytes: Of `data` as compact JSON in UTF-8.
        ahead_seconds: By which an event's time may be later than now.
    """

    max_bytes: int
    ahead_seconds: float


def accept_all(raws: Iterable[object], *, now: datetime, limits: Limits) -> list[Event]:
    """Return every event of a batch, in order.

    Raises:
        InvalidEvent: Something is wrong with one of them, and none is accepted; it holds
            every problem of every event.
    """
    events: list[Event] = []
    problems: list[EventProblem] = []
    for index, raw in enumerate(raws):
        accepted = accept(raw, index=index, now=now, limits=limits)
        if isinstance(accepted, Event):
            events.append(accepted)
        else:
            problems += accepted
    if problems:
        raise InvalidEvent(problems)
    return events


def accept(
    raw: object, *, index: int, now: datetime, limits: Limits
) -> Event | list[EventProblem]:
    """Return the event, or else every problem with it, ordered by attribute.

    Args:
        raw: What came in.
        index: Its place in the batch, for the problems.
        now: The moment of acceptance, aware, in UTC; the time of an event without one.
        limits: What is accepted.
    """
    reader = _Reader(index)
    if not isinstance(raw, Mapping):
        reader.refuse(
            "", "not_an_object", f"event must be a JSON object, got {_kind(raw)}"
        )
        return reader.problems
    get = raw.get
    reader.check_version(get("specversion"))
    event = Event(
        id=reader.required("id", get("id")),
        source=reader.required("source", get("source")),
        type=reader.required("type", get("type")),
        time=reader.time(get("time"), now, limits.ahead_seconds),
        accepted_at=now,
        subject=reader.text("subject", get("subject")),
        environment=reader.text("environment", get("environment")),
        data=reader.data(get("data"), limits.max_bytes),
        datacontenttype=reader.text("datacontenttype", get("datacontenttype")),
        dataschema=reader.text("dataschema", get("dataschema")),
        extensions=reader.extensions(raw),
    )
    reader.measure(raw)
    return sorted(reader.problems) if reader.problems else event


class _Reader:
    """Reads the attributes of one event and gathers what is wrong with them."""

    __slots__ = ("_index", "problems")

    def __init__(self, index: int) -> None:
        self._index = index
        self.problems: list[EventProblem] = []

    def refuse(self, attribute: str, code: str, message: str) -> None:
        self.problems.append(EventProblem(self._index, attribute, code, message))

    def check_version(self, value: object) -> None:
        if self.required("specversion", value) not in {SPECVERSION, ""}:
            message = f"specversion is not supported, use '{SPECVERSION}'"
            self.refuse("specversion", "unsupported_specversion", message)

    def required(self, name: str, value: object) -> str:
        if value is None:
            message = f"event attribute '{name}' is required"
            self.refuse(name, "missing_attribute", message)
        elif isinstance(value, str) and value == "":
            message = f"event attribute '{name}' must not be empty"
            self.refuse(name, "empty_attribute", message)
        return self.text(name, value)

    def text(self, name: str, value: object) -> str:
        """Return the text of an attribute; "" when there is none."""
        if value is None:
            return ""
        if not isinstance(value, str):
            self._refuse_type(name, "a string", value)
            return ""
        most = MAX_CHARACTERS.get(name, len(value))
        if len(value) > most:
            message = (
                f"event attribute '{name}' is {len(value)} characters, at most {most}"
            )
            self.refuse(name, "too_long", message)
        found = _FORBIDDEN.search(value)
        if found is not None:
            message = f"event attribute '{name}' contains U+{ord(found.group()):04X}"
            self.refuse(name, "forbidden_character", message)
        # Of a subclass too, such as an enum or text that is marked safe.
        return str.__str__(value)

    def time(self, value: object, now: datetime, ahead_seconds: float) -> datetime:
        if value is None:
            return now
        if not isinstance(value, str):
            self._refuse_type("time", "a string", value)
            return now
        moment = parse_instant(value)
        if moment is None:
            message = "time is not an RFC 3339 date-time with an offset"
            self.refuse("time", "invalid_time", message)
            return now
        ahead = (moment - now).total_seconds()
        if ahead > ahead_seconds:
            message = f"time is {math.ceil(ahead)} s ahead, at most {ahead_seconds:g} s"
            self.refuse("time", "time_in_future", message)
        return moment

    def data(self, value: object, max_bytes: int) -> JSON:
        # Each value is at least a byte long: a copy that is broken off is too large.
        data = copy_data(value, max_values=max_bytes)
        for fault in data.faults:
            self.refuse("data", "invalid_data", f"data is not JSON: {fault}")
        size = f"more than {max_bytes}"
        if data.is_whole:
            size_bytes = 0 if data.faults else json_bytes(data.value)
            if size_bytes <= max_bytes:
                return data.value
            size = str(size_bytes)
        message = f"data is {size} bytes, at most {max_bytes}"
        self.refuse("data", "data_too_large", message)
        return None

    def extensions(self, raw: Mapping[Any, object]) -> dict[str, str | int | bool]:
        found: dict[str, str | int | bool] = {}
        for name, value in raw.items():
            if name in _NAMES:
                continue
            if name == "data_base64":
                if value is not None:
                    message = "data_base64 is not supported, send data as JSON"
                    self.refuse(name, "unsupported_attribute", message)
            elif self._is_extension_name(name) and value is not None:
                found[name] = self._extension(name, value)
        return found

    def _is_extension_name(self, name: object) -> bool:
        if isinstance(name, str) and _EXTENSION_NAME.fullmatch(name):
            return True
        shown = _shown(name)
        message = f"event attribute name '{shown}' must be 1-20 characters a-z or 0-9"
        self.refuse(shown, "invalid_attribute_name", message)
        return False

    def _extension(self, name: str, value: object) -> str | int | bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.text(name, value)
        if not isinstance(value, int):
            self._refuse_type(name, "a string, an integer or a boolean", value)
        elif _is_measurable(value):
            return int.__int__(value)
        else:
            message = f"event attribute '{name}' is more than {MAX_DIGITS} digits"
            self.refuse(name, "too_long", f"{message}, at most {MAX_DIGITS}")
        return 0

    def measure(self, raw: Mapping[Any, object]) -> None:
        """Refuse the event if all but its data is too long together."""
        rest = {
            name: value
            for name, value in raw.items()
            if isinstance(name, str) and name != "data" and _is_measurable(value)
        }
        size_bytes = json_bytes(rest)
        if size_bytes > MAX_REST_BYTES:
            message = (
                f"event without data is {size_bytes} bytes, at most {MAX_REST_BYTES}"
            )
            self.refuse("", "too_long", message)

    def _refuse_type(self, name: str, wanted: str, value: object) -> None:
        message = f"event attribute '{name}' must be {wanted}, got {_kind(value)}"
        self.refuse(name, "wrong_type", message)


def _is_measurable(value: object) -> bool:
    if isinstance(value, int):
        return bool(-_TOO_LONG_INTEGER < value < _TOO_LONG_INTEGER)
    return isinstance(value, str)


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _shown(name: object) -> str:
    """Return a name nobody checked so that it can stand in a message and in a log line."""
    text = name if isinstance(name, str) else type(name).__name__
    text = _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
