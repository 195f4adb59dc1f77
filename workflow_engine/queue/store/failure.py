"""Failure: what is kept of an error, bounded and without secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from workflow_engine.conf import options

ERROR_BYTES: Final = 2048
CLASS_CHARACTERS: Final = 200

#: User and password in a URL.
_USERINFO: Final = re.compile(r"(?<=://)[^/\s@]+@")


@dataclass(frozen=True, kw_only=True)
class Failure:
    """What an item keeps of its last error.

    Attributes:
        error_class: Name of the error's class.
        error: Its message, cut and redacted.
    """

    error_class: str
    error: str


#: The worker ended, or was not heard of, with the item in its hands.
WORKER_LOST: Final = Failure(
    error_class="WorkerLost", error="The worker was not heard of until the lease ended."
)


def failure_of(error: BaseException) -> Failure:
    """Return what is kept of an error."""
    return Failure(
        error_class=type(error).__qualname__[:CLASS_CHARACTERS],
        error=_cut(_redacted(str(error).replace("\0", ""))),
    )


def _redacted(text: str) -> str:
    words = "|".join(map(re.escape, options.REDACT_KEYS))
    text = _USERINFO.sub("[redacted]@", text)
    if not words:
        return text
    named = rf"""(?ix) ([\w-]*(?:{words})[\w-]*["']?\s*[=:]\s*)  # the name
        (?:"[^"]*"|'[^']*'|(?:(?:Bearer|Basic|Token)\s+)?[^\s,;&]+)  # what it is"""
    return re.sub(named, r"\1[redacted]", text)


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace")[:ERROR_BYTES].decode("utf-8", "ignore")
