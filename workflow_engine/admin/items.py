"""Item pages: durable work, due, claimed, done or dead; read-only but for two wishes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from workflow_engine import clock
from workflow_engine.admin.item_wishes import ItemWishes
from workflow_engine.admin.moments import EMPTY, duration, moment_column
from workflow_engine.admin.pause_banner import banner_of
from workflow_engine.admin.shown_json import shown_json
from workflow_engine.conf import options
from workflow_engine.models import ItemState, WorkItem
from workflow_engine.processing.decisions import bounded
from workflow_engine.status import pausing


class KindFilter(admin.SimpleListFilter):
    """Which kind; the kinds are known, so that nobody has to look for them in the rows."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("event", _("event")),
            ("detect", _("detect")),
            ("evaluate", _("evaluate")),
            ("act", _("act")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        kind = self.value()
        return queryset.filter(kind=kind) if kind else queryset


class ItemAdmin(ItemWishes):
    """The payload is shown without secrets; above the list, whether all items wait."""

    change_list_template = "admin/workflow_engine/item_list.html"
    list_display = (
        "id",
        "state",
        "due_in",
        "kind",
        "workflow",
        "subject",
        "tries",
        "error_class",
        "worker",
    )
    list_display_links = ("id",)
    list_filter = ("state", KindFilter)
    list_select_related = ("firing",)
    search_fields = ("subject__exact", "key__exact")
    search_help_text = _("The exact subject or key.")
    time_field = "created_at"
    heavy_fields = ("payload", "result", "error")
    fieldsets = (
        (None, {"fields": ("state", "kind", "subject", "firing", "due", "tries")}),
        (
            _("Last attempt"),
            {"fields": ("worker", "started", "lease", "error_class", "error")},
        ),
        (
            _("Keeping"),
            {
                "fields": (
                    "created",
                    "finished",
                    "cancel_requested",
                    "key",
                    "dedupe_key",
                )
            },
        ),
        (
            _("Inside"),
            {
                "fields": (
                    "lane",
                    "shard",
                    "sends",
                    "rev",
                    "payload_shown",
                    "result_shown",
                )
            },
        ),
    )
    empty_state = _(
        "No item here. Items are made when a workflow fires, and wait until they are due."
    )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        pause = banner_of(pausing.read(options.DATABASE, clock.now()))
        return super().changelist_view(
            request, {**(extra_context or {}), "pause": pause}
        )

    due = moment_column("due_at", _("due"))
    started = moment_column("started_at", _("started"))
    lease = moment_column("lease_ends_at", _("lease ends"))
    created = moment_column("created_at", _("created"))
    finished = moment_column("finished_at", _("finished"))
    cancel_requested = moment_column("cancel_requested_at", _("cancel requested"))

    @admin.display(description=_("due in"))
    def due_in(self, item: WorkItem) -> str:
        if item.state != ItemState.SCHEDULED:
            return EMPTY
        seconds = round((item.due_at - clock.now()).total_seconds())
        if seconds < 0:
            return _("%(time)s late") % {"time": duration(-seconds)}
        return duration(seconds)

    @admin.display(description=_("workflow"))
    def workflow(self, item: WorkItem) -> str:
        return (item.firing.workflow_slug if item.firing else "") or EMPTY

    @admin.display(description=_("attempts"))
    def tries(self, item: WorkItem) -> str:
        facts = {"made": item.attempts, "allowed": item.max_attempts}
        return _("%(made)s of %(allowed)s") % facts

    @admin.display(description=_("payload (redacted)"))
    def payload_shown(self, item: Any) -> str:
        payload = item.payload
        if isinstance(payload, dict) and isinstance(payload.get("detection"), dict):
            # Its value may come from a secret path, which it names.
            payload = {**payload, "detection": bounded(payload["detection"])}
        return shown_json(payload)

    @admin.display(description=_("result"))
    def result_shown(self, item: Any) -> str:
        return shown_json(item.result)
