"""Noting: what people do to entries, written to the change history and to the log."""

from __future__ import annotations

import logging
from typing import Any, Final

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest

logger = logging.getLogger(__name__)

MOST_CHARACTERS: Final = 200  # of what an entry of the history is about

#: Shown of the history.
NEWEST: Final = 10


def note(
    request: HttpRequest, page: Any, *, about: str, text: str, extra: dict[str, Any]
) -> None:
    """Write down what was done; `extra` is for the log, with its `action`."""
    user: Any = request.user  # somebody logged in: the pages are for them alone
    LogEntry.objects.create(
        user_id=user.pk,
        content_type=_content_type(page),
        object_repr=about[:MOST_CHARACTERS],
        action_flag=CHANGE,
        change_message=text,
    )
    logger.info(
        "Somebody looked after the cache by hand.",
        extra={"user": user.get_username(), **extra},
    )


def newest(page: Any) -> list[LogEntry]:
    """Return what was done last, the newest first; one query."""
    entries = LogEntry.objects.filter(content_type=_content_type(page))
    return list(entries.select_related("user").order_by("-pk")[:NEWEST])


def _content_type(page: Any) -> ContentType:
    return ContentType.objects.get_for_model(page.model, for_concrete_model=False)
