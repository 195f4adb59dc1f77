"""Switch: what can be done to many rules at once, each noted in their history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from workflow_engine import clock
from workflow_engine.admin.base import PageAdmin
from workflow_engine.admin.changes import changed_field
from workflow_engine.admin.copies import copy_workflow

ROWS: Final = 1000  # updated in one statement


class Switches(PageAdmin):
    """Enables and disables."""

    actions: Sequence[str] = ("enable", "disable")

    @admin.action(description=_("Enable"), permissions=["change"])
    def enable(self, request: HttpRequest, queryset: Any) -> None:
        self.set_field(request, queryset, "enabled", value=True)

    @admin.action(description=_("Disable"), permissions=["change"])
    def disable(self, request: HttpRequest, queryset: Any) -> None:
        self.set_field(request, queryset, "enabled", value=False)

    def set_field(
        self, request: HttpRequest, queryset: Any, field: str, *, value: Any
    ) -> None:
        """Set a field of the chosen rows that do not have the value, and say how many."""
        rows = [row for row in queryset.order_by("pk") if getattr(row, field) != value]
        model_field = self.opts.get_field(field)
        for start in range(0, len(rows), ROWS):
            chunk = rows[start : start + ROWS]
            self.model._default_manager.filter(pk__in=[row.pk for row in chunk]).update(
                **{field: value}
            )
            self._note(request, chunk, model_field, value)
        text = ngettext(
            "%(count)d row was changed.", "%(count)d rows were changed.", len(rows)
        )
        self.message_user(request, text % {"count": len(rows)}, messages.SUCCESS)

    def _note(
        self, request: HttpRequest, rows: list[Any], field: Any, value: Any
    ) -> None:
        for row in rows:
            old = getattr(row, field.name)
            message = [{"changed": {"fields": [changed_field(field, old, value)]}}]
            self.log_change(request, row, message)


class Snoozes(Switches):
    """Snoozes too: the workflow is judged, and holds what would fire."""

    actions = (
        "enable",
        "disable",
        "snooze_hour",
        "snooze_shift",
        "end_snooze",
        "duplicate",
    )

    @admin.action(description=_("Snooze for 1 hour"), permissions=["change"])
    def snooze_hour(self, request: HttpRequest, queryset: Any) -> None:
        until = clock.now() + timedelta(hours=1)
        self.set_field(request, queryset, "snoozed_until", value=until)

    @admin.action(description=_("Snooze for 8 hours"), permissions=["change"])
    def snooze_shift(self, request: HttpRequest, queryset: Any) -> None:
        until = clock.now() + timedelta(hours=8)
        self.set_field(request, queryset, "snoozed_until", value=until)

    @admin.action(description=_("End the snooze"), permissions=["change"])
    def end_snooze(self, request: HttpRequest, queryset: Any) -> None:
        self.set_field(request, queryset, "snoozed_until", value=None)

    @admin.action(description=_("Duplicate"), permissions=["add"])
    def duplicate(self, request: HttpRequest, queryset: Any) -> None:
        copies = [copy_workflow(row) for row in queryset.order_by("pk")]
        for copy in copies:
            self.log_addition(request, copy, [{"added": {}}])
        text = ngettext(
            "%(count)d copy was made; it is disabled.",
            "%(count)d copies were made; they are disabled.",
            len(copies),
        )
        self.message_user(request, text % {"count": len(copies)}, messages.SUCCESS)
