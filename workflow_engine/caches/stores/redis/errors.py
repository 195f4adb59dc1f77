"""Errors: what Redis or the way to it says, as CacheUnavailable."""

from __future__ import annotations

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

#: By the first word of an error that a script passes on as text.
REASON_BY_CODE: Final = {
    "READONLY": "readonly",
    "LOADING": "loading",
    "NOPERM": "noperm",
    "MASTERDOWN": "masterdown",
}


def unavailable(error: Exception, *, otherwise: str = "other") -> CacheUnavailable:
    """Return what an error of the client library or of a socket means.

    `otherwise` is the reason of an error reply that has none of its own.
    """
    fitting = (reason for kind, reason in REASONS if isinstance(error, kind))
    return _of(next(fitting, otherwise), str(error) or type(error).__name__)


def script_unavailable(text: str) -> CacheUnavailable:
    """Return what an error means that a script caught and passed on."""
    code = text.lstrip("-").split(" ", 1)[0]
    return _of(REASON_BY_CODE.get(code, "script"), text)


def _of(reason: str, message: str) -> CacheUnavailable:
    return CacheUnavailable(
        reason, f"Redis failed a command: {message}", closes=reason in CLOSING
    )
