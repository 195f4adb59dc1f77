"""Spans: a length of time as people type it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([mhd])", re.ASCII)


def parse_span(text: str) -> timedelta:
    """Return the length of time: 30m, 1h, 7d.

    Raises:
        ValueError: It is none; the message says what one looks like.
    """
    match = _SPAN.fullmatch(text)
    if match is None:
        message = f"a length of time is 30m, 1h or 7d, not {text!r}"
        raise ValueError(message)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def span_text(seconds: float) -> str:
    """Return a length of time in its largest fitting unit: 83 s, 18 min, 2 h."""
    for unit_seconds, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit_seconds:
            return f"{int(seconds // unit_seconds)} {unit}"
    return f"{int(seconds)} s"
