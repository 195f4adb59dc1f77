"""Standing page: a page of the admin without rows of its own, about a window of time."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from workflow_engine import clock
from workflow_engine.admin.base import PageAdmin
from workflow_engine.admin.moments import moment
from workflow_engine.conf import options
from workflow_engine.metrics.sources import Sources, read_sources
from workflow_engine.metrics.windows import OFFERED, USUAL, Window, window_of
from workflow_engine.types.event import JSON

#: How often a page may ask to be loaded again, in seconds, as in an address.
REFRESHES: Final = ("10", "30", "60")

LABELS: Final = {
    "1h": _("last 60 minutes"),
    "8h": _("last 8 hours"),
    "24h": _("last 24 hours"),
    "7d": _("last 7 days"),
}


class StandingAdmin(PageAdmin):
    """One view; who may view the model sees it, and who may change it, its buttons.

    Attributes:
        page_template: Extends admin/workflow_engine/standing.html.
        page_title: Heading of the page.
        has_json: Whether `json` gives the figures of the page.
    """

    page_template: ClassVar[str]
    page_title: Any
    has_json: ClassVar[bool] = False

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
        view = self.admin_site.admin_view(self.changelist_view)
        return [path("", view, name=name), *self.own_urls()]

    def own_urls(self) -> list[URLPattern]:
        """Return the addresses below that of the page."""
        return []

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.GET.get("format") == "json" and self.has_json:
            return JsonResponse(self.json(request), safe=False)
        return self.respond(
            request, self.page_template, {**self.page(request), **(extra_context or {})}
        )

    def page(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the page shows."""
        raise NotImplementedError

    def json(self, request: HttpRequest) -> JSON:
        """Return the figures that the page shows, for programs."""
        raise NotImplementedError

    def window(self, request: HttpRequest) -> Window:
        """Return the window that was asked for; one nobody offers is the usual one."""
        now = clock.now()
        asked = window_of(request.GET.get("window", USUAL), now)
        usual = window_of(USUAL, now)
        assert usual is not None  # noqa: S101 - it is offered
        return asked or usual

    def window_context(
        self, request: HttpRequest, window: Window, sources: Sources | None = None
    ) -> dict[str, Any]:
        """Return what standing.html shows above the page: windows, freshness, refreshing.

        Costs a query unless `sources` are at hand.
        """
        if sources is None:
            sources = read_sources(options.DATABASE, window.until, window.since)
        refresh = request.GET.get("refresh", "")
        return {
            "window": window,
            "window_label": LABELS[window.name],
            "since": moment(window.since),
            "windows": [
                (name, query_of(request, window=name), name == window.name)
                for name in OFFERED
            ],
            "refresh": refresh if refresh in REFRESHES else "",
            "refreshes": [(one, query_of(request, refresh=one)) for one in REFRESHES],
            "refresh_off": query_of(request, refresh=""),
            "json_query": query_of(request, format="json") if self.has_json else "",
            "sources": sources,
            "flushed": moment(sources.flushed_at),
            "silent_since": moment(sources.silent_since),
            "is_counting": options.METRICS,
        }

    def respond(
        self, request: HttpRequest, template: str, context: dict[str, Any]
    ) -> HttpResponse:
        """Return a page, which asks to be loaded again if it was asked to."""
        request.current_app = self.admin_site.name
        response = TemplateResponse(
            request,
            template,
            {
                **self.admin_site.each_context(request),
                "title": self.page_title,
                "opts": self.opts,
                "media": self.media,
                "may_change": self.has_change_permission(request),
                **context,
            },
        )
        if context.get("refresh"):
            response["Refresh"] = context["refresh"]
        return response


def query_of(request: HttpRequest, **changed: str) -> str:
    """Return the query of this page with some of it changed; "" takes one out."""
    query = request.GET.copy()
    for name, value in changed.items():
        if value:
            query[name] = value
        else:
            query.pop(name, None)
    return f"?{query.urlencode()}"
