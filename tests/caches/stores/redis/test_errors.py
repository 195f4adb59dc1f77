import pytest
import redis
from redis import exceptions

from workflow_engine.caches.stores.redis.errors import (
    script_unavailable,
    unavailable,
)


@pytest.mark.parametrize(
    ("error", "reason", "closes"),
    [
        (exceptions.TimeoutError("x"), "timeout", False),
        (TimeoutError(), "timeout", False),
        (exceptions.ConnectionError("x"), "connection", False),
        (exceptions.InvalidResponse("x"), "connection", False),
        (ConnectionResetError(), "connection", False),
        (exceptions.ReadOnlyError("x"), "readonly", True),
        (exceptions.BusyLoadingError("x"), "loading", True),
        (exceptions.NoPermissionError("x"), "noperm", True),
        (exceptions.AuthenticationError("x"), "noperm", True),
        (exceptions.MasterDownError("x"), "masterdown", True),
        (redis.ResponseError("MISCONF no disk"), "other", False),
    ],
    ids=lambda value: (
        type(value).__qualname__ + str(value)[:1]
        if isinstance(value, Exception)
        else None
    ),
)
def test_unavailable__each_error(error: Exception, reason: str, closes: bool) -> None:
    caught = unavailable(error)

    assert (caught.reason, caught.closes) == (reason, closes)


@pytest.mark.parametrize(
    ("text", "reason", "closes"),
    [
        ("@user_script: 19: -READONLY You can't write.", "readonly", True),
        ("MASTERDOWN Link with MASTER is down", "masterdown", True),
        ("MISCONF Redis cannot save; see LOADINGS", "script", False),
    ],
    ids=["with its place", "bare", "another"],
)
def test_script_unavailable__each_text(text: str, reason: str, closes: bool) -> None:
    caught = script_unavailable(text)

    assert (caught.reason, caught.closes) == (reason, closes)
