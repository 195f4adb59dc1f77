"""Answer: what a webhook's status means for the attempt.

2xx is success. 408, 425, 429 and 5xx may do better later. Anything else never will: 410 says
so itself, and a redirect is not followed, since its target was never checked or chosen.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from workflow_engine.exceptions import (
    AttemptFailed,
    EndpointFailed,
    EndpointGone,
    Permanent,
    RetryAfter,
)
from workflow_engine.types.event import JSON

RETRY_AFTER_SECONDS: Final = (
    3600  # more is not obeyed: an hour later all may be different
)

_GONE: Final = 410
_LATER: Final = frozenset({408, 425, 429})
_KEPT_HEADERS: Final = ("content-type", "location", "retry-after")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        status: The HTTP status.
        headers: By name in small letters.
        body: As many bytes as were read.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def kept(self, keep_bytes: int) -> dict[str, JSON]:
        """Return what a delivery shows of it.

        A body that is JSON stays a value, whatever its length, so that it can be redacted by
        key before it is cut; any other body is the text of its first `keep_bytes`.
        """
        headers = {
            name: self.headers[name] for name in _KEPT_HEADERS if name in self.headers
        }
        try:
            body = json.loads(self.body)
        except (ValueError, RecursionError):
            body = (
                self.body[:keep_bytes].decode(errors="replace").replace("\0", "\ufffd")
            )
        return {"headers": headers, "body": body}

    def error(self, now: datetime, keep_bytes: int) -> AttemptFailed | None:
        """Return what the attempt failed with, None for success."""
        kept = self.kept(keep_bytes)
        status, message = self.status, f"answered {self.status}"
        if 200 <= status < 300:  # noqa: PLR2004 - RFC 9110, section 15
            return None
        if status in _LATER or 500 <= status < 600:  # noqa: PLR2004 - the same
            seconds = _wait_seconds(self.headers, now)
            if seconds is None:
                return EndpointFailed(message, status=status, response=kept)
            return RetryAfter(seconds, message, status=status, response=kept)
        if status == _GONE:
            return EndpointGone(message, status=status, response=kept)
        if 300 <= status < 400:  # noqa: PLR2004 - the same
            message = f"{message}, and redirects are not followed; use the new address"
        return Permanent(message, status=status, response=kept)


def _wait_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return how long the other side wants us to wait; None if it does not say."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        seconds = float(text)
    else:
        at = _http_date(text)
        seconds = 0 if at is None else (at - now).total_seconds()
    return min(seconds, RETRY_AFTER_SECONDS) if seconds > 0 else None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
