"""Access: who may read the metrics; a token, or somebody who may see the dashboard."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.views.decorators.debug import sensitive_variables

from workflow_engine.conf import options

PERMISSION: Final = "workflow_engine.view_dashboard"

SCHEME: Final = "bearer"


class Access(Enum):
    """What is said to whoever asks."""

    GRANTED = auto()
    FORBIDDEN = auto()  # known, and may not
    WRONG_TOKEN = auto()
    UNKNOWN = auto()  # a token or a login is missing


@sensitive_variables("header", "scheme", "given", "token")
def access_of(request: HttpRequest) -> Access:
    """Return whether a request may read the metrics.

    A bearer token decides by itself, since a program sent it; any other authorization is
    the business of whoever stands before this app.
    """
    header = request.headers.get("Authorization", "")
    scheme, _, given = header.partition(" ")
    if scheme.lower() != SCHEME:
        return _access_of_user(request)
    token = options.METRICS_TOKEN
    # Both are compared even where no token is set, so that the answer takes as long.
    is_right = constant_time_compare(_sent(given.strip()), (token or "").encode())
    return Access.GRANTED if token and is_right else Access.WRONG_TOKEN


def _sent(text: str) -> bytes:
    """Return a header as it was sent: servers hand it on as Latin-1."""
    return text.encode("latin-1", errors="replace")


def _access_of_user(request: HttpRequest) -> Access:
    user = getattr(request, "user", None)  # a project may do without users
    if user is None or not user.is_authenticated:
        return Access.UNKNOWN
    # A user who is not active has no permission.
    may_see = user.is_staff and user.has_perm(PERMISSION)
    return Access.GRANTED if may_see else Access.FORBIDDEN
