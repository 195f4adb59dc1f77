"""Firing pages: actions decided on, and what became of each; read-only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from workflow_engine.admin.history import HistoryAdmin
from workflow_engine.admin.moments import EMPTY, moment_column
from workflow_engine.admin.reasons import reason_text
from workflow_engine.models import Firing


class FiringAdmin(HistoryAdmin):
    """One firing with its state, and the way to its deliveries and decision."""

    list_display = (
        "decided",
        "state",
        "reason",
        "workflow_slug",
        "action_slug",
        "subject",
        "environment",
        "due",
    )
    list_filter = ("state", "purpose")
    search_fields = ("event_id__exact", "subject__exact", "workflow_slug__exact")
    search_help_text = _("The exact event id, subject or slug of the workflow.")
    time_field = "decided_at"
    fieldsets = (
        (None, {"fields": ("state", "reason_shown", "purpose", "attempts")}),
        (
            _("What and about whom"),
            {
                "fields": (
                    "workflow_slug",
                    "action_slug",
                    "detector_slug",
                    "subject",
                    "environment",
                    "priority",
                )
            },
        ),
        (
            _("When and why"),
            {"fields": ("decided", "due", "finished", "decision", "deliveries_shown")},
        ),
        (
            _("Event"),
            {"fields": ("event_source", "event_id", "episode", "on_resolve", "uuid")},
        ),
    )
    empty_state = _(
        "No firing here. A workflow fires when a detector it listens to is triggered and "
        "its conditions hold; the decisions say why one did not."
    )

    decided = moment_column("decided_at", _("decided"))
    due = moment_column("due_at", _("due"))
    finished = moment_column("finished_at", _("finished"))

    @admin.display(description=_("reason"))
    def reason_shown(self, firing: Firing) -> str:
        return reason_text(firing.reason)

    @admin.display(description=_("deliveries"))
    def deliveries_shown(self, firing: Any) -> str:
        if not firing.attempts:
            return EMPTY
        name = f"{self.admin_site.name}:workflow_engine_delivery_changelist"
        address = f"{reverse(name)}?firing__uuid__exact={firing.uuid}&recent=all"
        return format_html('<a href="{}">{}</a>', address, _("show"))

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        # The list and pages of decisions lead here by this one.
        is_ours = lookup == "decision__uuid__exact"
        return is_ours or super().lookup_allowed(lookup, value, request)
