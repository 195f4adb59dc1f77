"""Instant: a moment as RFC 3339 text and as an aware datetime in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

# RFC 3339, section 5.6, without the leap second, which a datetime cannot hold.
_RFC_3339: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt]((?:[01]\d|2[0-3]):\d\d:\d\d)(?:\.(\d+))?"
    r"([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


def parse_instant(text: str) -> datetime | None:
    """Return the moment, in UTC; None for anything but an RFC 3339 date-time with offset.

    Microseconds are kept, the rest is cut.
    """
    match = _RFC_3339.fullmatch(text)
    if match is None:
        return None
    date, time, fraction, offset = match.groups()
    microseconds = f"{fraction or '':0<6.6}"
    zone = "+00:00" if offset in {"Z", "z"} else offset
    try:
        moment = datetime.fromisoformat(f"{date}T{time}.{microseconds}{zone}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def instant_text(moment: datetime) -> str:
    """Return the RFC 3339 text of an aware moment, in UTC with Z; no fraction if it is zero."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
