"""Decision pages: why an event fired something, or did not; read-only."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from workflow_engine.admin.became import (
    FIRINGS_SHOWN,
    firing_line,
    firings_of,
    states_of,
    tell_rows,
)
from workflow_engine.admin.history import HistoryAdmin, HistoryChangeList
from workflow_engine.admin.lists import error_mark
from workflow_engine.admin.moments import EMPTY, moment, moment_column
from workflow_engine.admin.reasons import reason_text
from workflow_engine.admin.shown_json import shown_json
from workflow_engine.admin.trace import detector_part, workflow_part
from workflow_engine.models import Decision, WorkflowDecision

LAST_DECISIONS: Final = 10  # on the page of a workflow


class DecisionChangeList(HistoryChangeList):
    """Reads the states of the firings of all rows of a page together."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        states = states_of([row.uuid for row in self.result_list])
        for row in self.result_list:
            row.became = states.get(row.uuid, "")


class DecisionAdmin(HistoryAdmin):
    """The page draws the trace: every line judged, with the values compared."""

    change_form_template = "admin/workflow_engine/decision.html"
    list_display = (
        "decided",
        "outcome",
        "reason",
        "error",
        "became",
        "event_type",
        "subject",
        "environment",
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
    error = error_mark

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return DecisionChangeList

    @admin.display(description=_("what became of it"))
    def became(self, decision: Any) -> str:
        if not decision.became:
            return EMPTY
        address = f"{self._list_of('firing')}{only_of(decision)}"
        return format_html('<a href="{}">{}</a>', address, decision.became)

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        return {
            **decision_context(obj, self._list_of("firing")),
            "workflow_url": self._list_of("workflow"),
        }

    def _list_of(self, model: str) -> str:
        return reverse(f"{self.admin_site.name}:workflow_engine_{model}_changelist")


def only_of(decision: Decision) -> str:
    """Return the query that leaves only the firings of a decision in their list."""
    return f"?decision__uuid__exact={decision.uuid}&recent=all"


def decision_context(decision: Decision, firing_url: str) -> dict[str, Any]:
    """Return what the page of a decision shows; two queries."""
    detail = decision.detail if isinstance(decision.detail, dict) else {}
    lines = [
        (line, workflow_part(line.detail, decision.environment), _lines(line))
        for line in decision.workflows.select_related("workflow").order_by("pk")
    ]
    fates = [row for _line, part, _shown in lines if part for row in part.actions]
    firings = firings_of(decision, fates)
    tell_rows(fates, firings, firing_url)
    shown = firings[:FIRINGS_SHOWN]
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
        "workflows": lines,
        "firings": [firing_line(firing, firing_url) for firing in shown],
        "more_firings": FIRINGS_SHOWN if firings[FIRINGS_SHOWN:] else 0,
        "all_firings": f"{firing_url}{only_of(decision)}",
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
        "outcome",
        "reason",
        "error",
        "subject",
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

    error = error_mark

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
