"""Errors: what Redis or the way to it says, as CacheUnavailable."""

from __future__ import annotations

import re
from typing import Final

from redis import exceptions as redis_errors

from workflow_engine.exceptions import CacheUnavailable

#: A server in such a state fails every command, so there is no point in counting to five.
CLOSING: Final = frozenset({"readonly", "loading", "noperm", "masterdown"})

#: The first that fits decides: some of these are connection errors in redis-py.
REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (redis_errors.ReadOnlyError, "readonly"),
    (redis_errors.BusyLoadingError, "loading"),
    (redis_errors.NoPermissionError, "noperm"),
    (redis_errors.AuthenticationError, "noperm"),
    (redis_errors.AuthorizationError, "noperm"),
    (redis_errors.MasterDownError, "masterdown"),
    (redis_errors.TimeoutError, "timeout"),
    (TimeoutError, "timeout"),
    (redis_errors.ConnectionError, "connection"),
    (redis_errors.InvalidResponse, "connection"),
    (OSError, "connection"),
)

#: The codes of such states where an error comes as text, after a place in a script.
_CODE: Final = re.compile(r"(?:^|[ -])(READONLY|LOADING|NOPERM|MASTERDOWN)\b")


def unavailable(error: Exception, *, otherwise: str = "other") -> CacheUnavailable:
    """Return what an error of the client library or of a socket means.

    `otherwise` is the reason of an error reply that has none of its own.
    """
    fitting = (reason for kind, reason in REASONS if isinstance(error, kind))
    return _of(next(fitting, otherwise), str(error) or type(error).__name__)


def script_unavailable(text: str) -> CacheUnavailable:
    """Return what an error means that a script caught and passed on."""
    code = _CODE.search(text)
    return _of(code[1].lower() if code else "script", text)


def _of(reason: str, message: str) -> CacheUnavailable:
    return CacheUnavailable(
        reason, f"Redis failed a command: {message}", closes=reason in CLOSING
    )
