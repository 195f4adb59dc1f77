"""Redact: what is kept of an event, a value or a message, without its secrets."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from workflow_engine.conf import options
from workflow_engine.exceptions import InvalidPath
from workflow_engine.types.event import JSON
from workflow_engine.types.paths import parse_path

_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
REDACTED: Final = "[redacted]"
EVENT_BYTES: Final = 8192  # kept of an event
VALUE_CHARACTERS: Final = 300  # kept of a value that a condition saw or wanted


def redact(value: JSON) -> JSON:
    """Return the value with everything under a secret's key replaced, at any depth.

    So is what no database stores as text: a zero character, half of a surrogate pair.
    """
    return _redact(value, tuple(word.lower() for word in options.REDACT_KEYS))


def _redact(value: JSON, words: tuple[str, ...]) -> JSON:
    if isinstance(value, dict):
        return {
            key: REDACTED if _is_secret(key, words) else _redact(item, words)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_redact(item, words) for item in value]
    return storable(value) if isinstance(value, str) else value


def storable(text: str) -> str:
    """Return a text with U+FFFD in place of what no database stores."""
    return _UNSTORABLE.sub("\ufffd", text)


def _is_secret(key: object, words: tuple[str, ...]) -> bool:
    text = str(key).lower()
    return any(word in text for word in words)


def leads_to_secret(path: str) -> bool:
    """Whether a path goes through a secret's key."""
    words = tuple(word.lower() for word in options.REDACT_KEYS)
    try:
        parsed = parse_path(path)
    except InvalidPath:
        return _is_secret(path, words)
    return any(
        _is_secret(key, words) for key, _ in (*parsed.before, *(parsed.after or ()))
    )


def shorten(value: JSON, characters: int = VALUE_CHARACTERS) -> JSON:
    """Return the value, or the beginning of its JSON text when that is longer."""
    text = msgspec.json.encode(value).decode()
    return value if len(text) <= characters else f"{text[:characters]}…"
