"""Decision pages: why an event fired something, or did not; read-only."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from workflow_engine.admin.history import HistoryAdmin
from workflow_engine.admin.moments import EMPTY, moment, moment_column
from workflow_engine.admin.reasons import reason_text
from workflow_engine.admin.shown_json import shown_json
from workflow_engine.admin.trace import detector_part, workflow_part
from workflow_engine.models import Decision, WorkflowDecision

LAST_DECISIONS: Final = 10  # on the page of a workflow


class DecisionAdmin(HistoryAdmin):
    """The page draws the trace: every line judged, with the values compared."""

    change_form_template = "admin/workflow_engine/decision.html"
    list_display = (
        "decided",
        "event_type",
        "subject",
        "environment",
        "outcome",
        "reason",
        "has_error",
        "event_id",
    )
    list_filter = ("outcome", "has_error", "mode")
    search_fields = ("event_id__exact", "subject__exact")
    search_help_text = _("The exact event id or subject.")
    time_field = "decided_at"
    is_time_indexed = True
    heavy_fields = ("event", "detail")
    fields = ()
    empty_state = _(
        "No decision here. Send an event with api.submit_event; decisions that fire or "
        "are held are always kept, of the others a sample."
    )

    decided = moment_column("decided_at", _("decided"))

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        name = f"{self.admin_site.name}:workflow_engine_workflow_changelist"
        return {**decision_context(obj), "workflow_url": reverse(name)}


def decision_context(decision: Decision) -> dict[str, Any]:
    """Return what the page of a decision shows; one query."""
    detail = decision.detail if isinstance(decision.detail, dict) else {}
    lines = decision.workflows.select_related("workflow").order_by("pk")
    return {
        "decision": decision,
        "decided": moment(decision.decided_at),
        "event_time": moment(decision.event_time),
        "reason_text": reason_text(decision.reason),
        "event_shown": shown_json(decision.event),
        "detectors": [
            (detector_part(line), shown_json(line))
            for line in detail.get("detectors", ())
        ],
        "workflows": [
            (line, workflow_part(line.detail, decision.environment), _lines(line))
            for line in lines
        ],
    }


def last_decisions(workflow_id: int) -> list[dict[str, Any]]:
    """Return the newest decisions of a workflow, for its page; one query."""
    lines = (
        WorkflowDecision.objects.filter(workflow=workflow_id)
        .select_related("decision")
        .defer("detail", "decision__event", "decision__detail")
        .order_by("-pk")[:LAST_DECISIONS]
    )
    return [
        {
            "pk": line.decision.pk,
            "decided": moment(line.decision.decided_at),
            "subject": line.decision.subject or EMPTY,
            "outcome": line.get_outcome_display(),
            "reason": reason_text(line.reason),
        }
        for line in lines
    ]


def _lines(line: WorkflowDecision) -> dict[str, str]:
    return {"reason": reason_text(line.reason), "raw": shown_json(line.detail)}


class WorkflowDecisionAdmin(HistoryAdmin):
    """The lines of one workflow over time; each leads to its decision."""

    list_display = (
        "decided",
        "workflow_slug",
        "subject",
        "outcome",
        "reason",
        "has_error",
    )
    list_filter = ("outcome", "has_error")
    list_select_related = ("decision",)
    search_fields = ("workflow_slug__exact",)
    search_help_text = _("The exact slug of the workflow.")
    time_field = "decision__decided_at"
    heavy_fields = ("detail", "decision__event", "decision__detail")
    fields = (
        "workflow_slug",
        "decision",
        "outcome",
        "reason_shown",
        "revision",
        "detail_shown",
    )
    empty_state = _("No decision of this workflow here.")

    @admin.display(description=_("decided"))
    def decided(self, line: Any) -> str:
        return moment(line.decision.decided_at)

    @admin.display(description=_("subject"))
    def subject(self, line: Any) -> str:
        return str(line.decision.subject)

    @admin.display(description=_("reason"))
    def reason_shown(self, line: Any) -> str:
        return reason_text(line.reason)

    @admin.display(description=_("detail"))
    def detail_shown(self, line: Any) -> str:
        return shown_json(line.detail)
