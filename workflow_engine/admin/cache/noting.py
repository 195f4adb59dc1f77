"""Noting: what people do to entries, written to the change history and to the log."""

from __future__ import annotations

import logging
from typing import Any, Final

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import Error, router, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.status import away

logger = logging.getLogger(__name__)

MOST_CHARACTERS: Final = 200  # of what an entry of the history is about

#: Shown of the history.
NEWEST: Final = 10


def note(
    request: HttpRequest, page: Any, *, about: str, text: str, extra: dict[str, Any]
) -> None:
    """Write down what was done; `extra` is for the log, with its `action`.

    It is done and cannot be taken back, and no transaction could have held it. So a
    history that cannot be written is told and logged, and raises nothing.
    """
    user: Any = request.user  # somebody logged in: the pages are for them alone
    logger.info(
        "Somebody looked after the cache by hand.",
        extra={"user": user.get_username(), **extra},
    )
    try:
        # A point to return to, where the project wraps requests on that database.
        with transaction.atomic(using=router.db_for_write(LogEntry)):
            LogEntry.objects.create(
                user_id=user.pk,
                content_type=_content_type(page),
                object_repr=about[:MOST_CHARACTERS],
                action_flag=CHANGE,
                change_message=text,
            )
    except Error:
        logger.exception(
            "What was done by hand could not be written to the change history.",
            extra={"user": user.get_username(), **extra},
        )
        words = _("It was done, and could not be written to the change history.")
        page.message_user(request, words, messages.WARNING)


def told_away(error: CacheUnavailable) -> str:
    """Return why the cache was not reached, as a clause; the log has the whole of it."""
    logger.warning(
        "The cache was not reached by a page.",
        extra={"action": "cache_page", "reason": error.reason},
        exc_info=error,
    )
    return away.words(error.reason)


def newest(page: Any) -> list[LogEntry]:
    """Return what was done last, the newest first; one query."""
    entries = LogEntry.objects.filter(content_type=_content_type(page))
    return list(entries.select_related("user").order_by("-pk")[:NEWEST])


def _content_type(page: Any) -> ContentType:
    return ContentType.objects.get_for_model(page.model, for_concrete_model=False)
