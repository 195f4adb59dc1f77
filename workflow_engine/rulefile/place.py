"""Place: one value of the file, where it stands, and what is wrong with it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection
from typing import Any, Final

from workflow_engine.rulefile.values import normal, text_problem, value_problem
from workflow_engine.types.event import JSON
from workflow_engine.types.instants import instant_text, parse_instant

#: The value of a key that is not there; null is a value.
NOT_GIVEN: Final = object()

#: What the types of Python are called in JSON.
_KINDS: Final[dict[type, str]] = {str: "a text", list: "a list", dict: "an object"}


class Place:
    """Reads one value. What is wrong is noted, and reading goes on with something harmless.

    So every error of a file is found at once; with any of them the file is refused.
    """

    def __init__(
        self, value: object, path: str = "", errors: dict[str, list[str]] | None = None
    ) -> None:
        """Stand at a value; places of one file share their errors, by path."""
        self.value = value
        self.path = path
        self._errors: dict[str, list[str]] = {} if errors is None else errors

    @property
    def errors(self) -> list[str]:
        """Every error noted so far, with its place."""
        return [
            f"{path or 'the file'}: {message}"
            for path, messages in self._errors.items()
            for message in messages
        ]

    @property
    def is_wrong(self) -> bool:
        """Whether an error was noted at this very place."""
        return self.path in self._errors

    @property
    def is_given(self) -> bool:
        """Whether there is a value; null is one."""
        return self.value is not NOT_GIVEN

    def note(self, message: str) -> None:
        """Note an error here."""
        self._errors.setdefault(self.path, []).append(message)

    def at(self, key: str) -> Place:
        """Return the place of a key."""
        path = f"{self.path}.{key}" if self.path else key
        if not isinstance(self.value, dict):
            return Place(NOT_GIVEN, path)  # that it is no object is error enough
        return self._inner(self.value.get(key, NOT_GIVEN), path)

    def items(self) -> list[Place]:
        """Return the places of a list; not given is an empty one."""
        if not self.is_given:
            return []
        if not isinstance(self.value, list):
            self.note(f"must be a list, got {_found(self.value)}")
            return []
        return [
            self._inner(value, f"{self.path}[{index}]")
            for index, value in enumerate(self.value)
        ]

    def has_only(self, keys: Collection[str]) -> bool:
        """Say whether this is an object; note every key that does not belong in it."""
        if not isinstance(self.value, dict):
            self.note(f"must be an object, got {_found(self.value)}")
            return False
        for key in self.value:
            if key not in keys:
                self.at(str(key)).note(f"is not a key here; {_nearest(str(key), keys)}")
        return True

    def text(self, default: str | None = None) -> str:
        """Return a text; it is required unless there is a default."""
        if not self.is_given:
            if default is None:
                self.note("is required")
            return default or ""
        if not isinstance(self.value, str):
            self.note(f"must be a text, got {_found(self.value)}")
            return ""
        if problem := text_problem(self.value):
            self.note(problem)
            return ""
        return self.value

    def text_or_none(self) -> str | None:
        """Return a text, or None for null and for nothing."""
        return self.text() if self.is_given and self.value is not None else None

    def flag(self, *, default: bool) -> bool:
        """Return true or false."""
        if not self.is_given:
            return default
        if not isinstance(self.value, bool):
            self.note(f"must be true or false, got {_found(self.value)}")
            return default
        return self.value

    def whole(self, default: int, *, most: int) -> int:
        """Return a whole number from 0 to `most`."""
        if not self.is_given:
            return default
        value = self.value
        if not isinstance(value, int) or isinstance(value, bool):
            self.note(f"must be a whole number, got {_found(value)}")
            return default
        if not 0 <= value <= most:
            self.note(f"must be 0 to {most}, got {value}")
            return default
        return value

    def whole_or_none(self, among: Collection[int]) -> int | None:
        """Return one of some numbers, or None for null and for nothing."""
        if not self.is_given or self.value is None:
            return None
        value = self.value
        if isinstance(value, int) and not isinstance(value, bool) and value in among:
            return value
        known = ", ".join(map(str, among))
        self.note(f"must be one of {known} or null, got {_found(value)}")
        return None

    def moment(self) -> str | None:
        """Return a moment as RFC 3339 text in UTC, or None for null and for nothing."""
        text = self.text_or_none()
        if text is None or self.is_wrong:
            return None
        moment = parse_instant(text)
        if moment is None:
            self.note("must be an RFC 3339 date-time with an offset, or null")
            return None
        return instant_text(moment)

    def config(self) -> JSON:
        """Return a configuration: any JSON value; {} when it is not given."""
        if not self.is_given:
            return {}
        if problem := value_problem(self.value):
            self.note(problem)
            return {}
        return normal(self.value)

    def known(self, noun: str, names: Collection[str]) -> None:
        """Note that the text here names nothing, if so."""
        if (
            isinstance(self.value, str)
            and self.value not in names
            and not self.is_wrong
        ):
            self.note(
                f"there is no {noun} '{self.value}'; add it to {noun}s in the file"
                f"{_or_nearest(self.value, names)}"
            )

    def _inner(self, value: Any, path: str) -> Place:
        return Place(value, path, self._errors)


def _found(value: object) -> str:
    """Return what stands there, as JSON says it; a text may be long or a secret."""
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return _KINDS.get(type(value), type(value).__name__)


def _nearest(name: str, names: Collection[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known: {', '.join(names)}"


def _or_nearest(name: str, names: Collection[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f", or did you mean '{close[0]}'?" if close else ""
