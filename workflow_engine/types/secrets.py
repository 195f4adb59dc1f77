"""Secrets: which keys of a JSON value hold what is sent but never kept."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from workflow_engine.exceptions import InvalidPath
from workflow_engine.types.data import storable_text
from workflow_engine.types.event import JSON
from workflow_engine.types.paths import parse_path

REDACTED: Final = "[redacted]"


class Secrets:
    """Finds what is secret by the words in its keys, in any case."""

    def __init__(self, words: Collection[str], value_path: str = "") -> None:
        """A key that contains one of `words` is a secret's.

        So is the value of a detection that was found at `value_path`, if that leads to one.
        """
        self._words = tuple(word.lower() for word in words)
        self.hides_value = value_path != "" and self._passes_key(value_path)

    def redact(self, value: JSON) -> JSON:
        """Return the value with everything under a secret's key replaced, at any depth.

        So is what no database stores as text: a zero character, half of a surrogate pair.
        """
        if isinstance(value, dict):
            return {
                key: REDACTED if self._is_secret(key) else self.redact(item)
                for key, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.redact(item) for item in value]
        return storable_text(value) if isinstance(value, str) else value

    def leads_to(self, path: str) -> bool:
        """Whether a path goes through a secret's key; what is no path is taken as a key."""
        return self._passes_key(path) or (self.hides_value and _holds_value(path))

    def _passes_key(self, path: str) -> bool:
        try:
            parsed = parse_path(path)
        except InvalidPath:
            return self._is_secret(path)
        steps = (*parsed.before, *(parsed.after or ()))
        return any(self._is_secret(key) for key, _ in steps)

    def _is_secret(self, key: object) -> bool:
        text = str(key).lower()
        return any(word in text for word in self._words)


def _holds_value(path: str) -> bool:
    """Whether what a detector measured stands at a path, or inside of what does."""
    try:
        parsed = parse_path(path)
    except InvalidPath:
        return False
    keys = [key for key, _ in parsed.before[:1]]
    return parsed.root == "detection" and keys in ([], ["value"])
