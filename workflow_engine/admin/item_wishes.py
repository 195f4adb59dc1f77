"""Item wish: dead items tried again, live ones cancelled, each noted in its history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from workflow_engine import clock
from workflow_engine.admin.base import may
from workflow_engine.admin.changes import changed_field
from workflow_engine.admin.history import HistoryAdmin
from workflow_engine.models import ItemState, WorkItem
from workflow_engine.processing.retry import retry_items
from workflow_engine.processing.schedule import cancel_work
from workflow_engine.queue import Cancellation

MOST_ITEMS: Final = 1000  # with one wish; each is noted in a statement of its own


class ItemWishes(HistoryAdmin):
    """Items are read, tried again and cancelled, and never written here otherwise."""

    change_form_template = "admin/change_form.html"  # there is a history of the wishes
    actions: Any = ("try_again", "cancel")

    def has_wish_permission(self, request: HttpRequest) -> bool:
        """Say whether the user may change items, though not field by field."""
        return may(request, "change", WorkItem)

    @admin.action(description=_("Try again"), permissions=["wish"])
    def try_again(self, request: HttpRequest, queryset: Any) -> None:
        """Give the dead ones all their attempts again."""
        chosen = _chosen(queryset)
        revived = set(retry_items([row.pk for row in chosen], clock.now()))
        self._note(request, (row for row in chosen if row.pk in revived), "scheduled")
        text = ngettext(
            "%(count)d item is due now, with all its attempts.",
            "%(count)d items are due now, with all their attempts.",
            len(revived),
        )
        self._tell(request, [text % {"count": len(revived)}] if revived else [])
        others = len(chosen) - len(revived)
        if others:
            text = ngettext(
                "%(count)d item is not dead and stays as it is.",
                "%(count)d items are not dead and stay as they are.",
                others,
            )
            self.message_user(request, text % {"count": others}, messages.WARNING)

    @admin.action(description=_("Cancel"), permissions=["wish"])
    def cancel(self, request: HttpRequest, queryset: Any) -> None:
        """Cancel the live ones; one that runs is asked to stop."""
        chosen = _chosen(queryset)
        now = clock.now()
        became = {row.pk: cancel_work(row.pk, now) for row in chosen}
        for wish, state in _WRITTEN.items():
            rows = (row for row in chosen if became[row.pk] is wish)
            self._note(request, rows, state)
        counts = Counter(became.values())
        told = [wish for wish in Cancellation if counts[wish]]
        self._tell(request, [_said(wish, counts[wish]) for wish in told])

    def _tell(self, request: HttpRequest, sentences: Sequence[str]) -> None:
        if sentences:
            self.message_user(request, " ".join(sentences), messages.SUCCESS)

    def _note(self, request: HttpRequest, rows: Iterable[WorkItem], state: str) -> None:
        field = self.opts.get_field("state")
        for row in rows:
            text = changed_field(field, row.state, state)
            self.log_change(request, row, [{"changed": {"fields": [text]}}])


_WRITTEN: Final = {
    Cancellation.CANCELLED: ItemState.CANCELLED.value,
    Cancellation.REQUESTED: "cancel requested",
}


_SENTENCES: Final = {
    Cancellation.CANCELLED: (
        "%(count)d item was cancelled.",
        "%(count)d items were cancelled.",
    ),
    Cancellation.REQUESTED: (
        "%(count)d item is running and was told to stop.",
        "%(count)d items are running and were told to stop.",
    ),
    Cancellation.TOO_LATE: (
        "%(count)d item had ended before.",
        "%(count)d items had ended before.",
    ),
    Cancellation.UNKNOWN: ("%(count)d item is gone.", "%(count)d items are gone."),
}


def _chosen(queryset: Any) -> list[WorkItem]:
    return list(queryset.defer("payload", "result", "error")[:MOST_ITEMS])


def _said(became: Cancellation, count: int) -> str:
    one, many = _SENTENCES[became]
    return ngettext(one, many, count) % {"count": count}
