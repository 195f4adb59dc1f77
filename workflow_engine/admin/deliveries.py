"""Delivery pages: every attempt to reach the outside; read-only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from workflow_engine.admin.history import HistoryAdmin
from workflow_engine.admin.moments import moment_column
from workflow_engine.admin.shown_json import shown_json


class DeliveryAdmin(HistoryAdmin):
    """One attempt, with what was asked and answered."""

    list_display = (
        "started",
        "ok",
        "status",
        "error_class",
        "endpoint",
        "firing",
        "attempt",
        "duration_ms",
    )
    list_filter = ("ok",)
    list_select_related = ("firing",)
    search_fields = ("endpoint__exact",)
    search_help_text = _("The exact endpoint.")
    time_field = "started_at"
    is_time_indexed = True
    heavy_fields = ("request", "response", "error")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "firing",
                    "attempt",
                    "started",
                    "duration_ms",
                    "endpoint",
                    "ok",
                    "status",
                    "error_class",
                    "error",
                )
            },
        ),
        (_("Kept, redacted"), {"fields": ("request_shown", "response_shown")}),
    )
    empty_state = _("No delivery here. Each attempt of an action leaves one.")

    started = moment_column("started_at", _("started"))

    @admin.display(description=_("request"))
    def request_shown(self, delivery: Any) -> str:
        return shown_json(delivery.request)

    @admin.display(description=_("response"))
    def response_shown(self, delivery: Any) -> str:
        return shown_json(delivery.response)

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        # The pages of firings lead here by this one.
        is_ours = lookup == "firing__uuid__exact"
        return is_ours or super().lookup_allowed(lookup, value, request)
