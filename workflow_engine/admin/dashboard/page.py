"""Dashboard page: the numbers, charts, work and worries of all processes together."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from workflow_engine.admin.base import may
from workflow_engine.admin.charts import draw
from workflow_engine.admin.dashboard import standing, words
from workflow_engine.admin.dashboard.pausing import PausePages
from workflow_engine.admin.dashboard.pictures import charts_of
from workflow_engine.admin.pause_banner import banner_of
from workflow_engine.admin.standing import query_of
from workflow_engine.conf import options
from workflow_engine.export.text import is_installed
from workflow_engine.export.view import metrics_view
from workflow_engine.models import Action, Cache, Decision, Workflow, WorkItem
from workflow_engine.types.event import JSON

_LISTED = {
    "action": Action,
    "decision": Decision,
    "workitem": WorkItem,
    "workflow": Workflow,
}


class DashboardAdmin(PausePages):
    """Who may view it sees every number; who may change it, pauses and resumes."""

    page_template = "admin/workflow_engine/dashboard.html"
    page_title = _("Dashboard")
    has_json = True

    def own_urls(self) -> list[URLPattern]:
        metrics = self.admin_site.admin_view(metrics_view)
        return [
            *super().own_urls(),
            path("metrics/", metrics, name="workflow_engine_dashboard_metrics"),
        ]

    def page(self, request: HttpRequest) -> dict[str, Any]:
        window = self.window(request)
        found = standing.read(options.DATABASE, window)
        cache_url = self._cache_url(request)
        has_events = found.events.judged > 0

        def list_of(model: str) -> str:
            return self._list_of(request, model)

        return {
            **self.window_context(request, window, found.events.sources),
            "headline": list(words.headline(found, list_of)),
            "charts": [draw(chart) for chart in charts_of(found.events)],
            "look_ups": list(words.look_ups(found, cache_url)),
            "cache_url": cache_url,
            "work": list(words.work(found, list_of)),
            "items_url": list_of("workitem"),
            "attention": list(words.attention(found, list_of, cache_url)),
            "pause": banner_of(found.items.paused),
            "pause_urls": self.pause_urls(),
            "metrics_url": self.url_of("metrics") if is_installed() else "",
            "again_query": query_of(request),
            "has_events": has_events,
            "has_workflows": has_events or _has_workflows(),
            "workflows_url": list_of("workflow"),
        }

    def json(self, request: HttpRequest) -> JSON:
        return standing.read(options.DATABASE, self.window(request)).json()

    def _list_of(self, request: HttpRequest, model: str) -> str:
        if not may(request, "view", _LISTED[model]):
            return ""
        return self._page(f"workflow_engine_{model}_changelist")

    def _cache_url(self, request: HttpRequest) -> str:
        if not may(request, "view", Cache):
            return ""
        page = self._page("workflow_engine_cache_changelist")
        return f"{page}{query_of(request, refresh='', format='')}" if page else ""

    def _page(self, name: str) -> str:
        """Return the address of a page of this site; "" where it was taken off."""
        try:
            return reverse(f"{self.admin_site.name}:{name}")
        except NoReverseMatch:
            return ""


def _has_workflows() -> bool:
    return Workflow.objects.using(options.DATABASE).exists()
