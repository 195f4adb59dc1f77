"""Redact: what is kept of an event, a value or a message, without its secrets."""

from __future__ import annotations

from typing import Final

import msgspec

from workflow_engine.conf import options
from workflow_engine.types.event import JSON
from workflow_engine.types.secrets import REDACTED, Secrets

__all__ = ["REDACTED", "leads_to_secret", "redact", "secrets", "shorten"]

EVENT_BYTES: Final = 8192  # kept of an event
VALUE_CHARACTERS: Final = 300  # kept of a value that a condition saw or wanted


def secrets(value_path: str = "") -> Secrets:
    """Return what is secret by the settings; `value_path` as Secrets has it."""
    return Secrets(options.REDACT_KEYS, value_path)


def redact(value: JSON) -> JSON:
    """Return the value with everything under a secret's key replaced, at any depth.

    So is what no database stores as text: a zero character, half of a surrogate pair.
    """
    return secrets().redact(value)


def leads_to_secret(path: str) -> bool:
    """Whether a path goes through a secret's key."""
    return secrets().leads_to(path)


def shorten(value: JSON, characters: int = VALUE_CHARACTERS) -> JSON:
    """Return the value, or the beginning of its JSON text when that is longer."""
    text = msgspec.json.encode(value).decode()
    return value if len(text) <= characters else f"{text[:characters]}…"
