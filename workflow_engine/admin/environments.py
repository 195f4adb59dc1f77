"""Environment pages: the names a workflow may be restricted to."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from workflow_engine.admin.lists import RowsChangeList
from workflow_engine.admin.rules import RuleAdmin


class EnvironmentAdmin(RuleAdmin):
    """A name, and how many workflows it touches."""

    list_display = ("name", "description", "workflows_shown")
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name", "description")
    empty_state = _(
        "No environment yet. Without one every workflow acts on every event; add a name, "
        "such as production, to restrict workflows to the events that carry it."
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return RowsChangeList

    def list_queryset(self, rows: Any) -> Any:
        """Return the rows of the list with what its columns need."""
        return rows.annotate(workflow_count=Count("workflows"))

    @admin.display(description=_("workflows"))
    def workflows_shown(self, environment: Any) -> str:
        name = f"{self.admin_site.name}:workflow_engine_workflow_changelist"
        address = f"{reverse(name)}?environment__id__exact={environment.pk}"
        return format_html('<a href="{}">{}</a>', address, environment.workflow_count)

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        context = super().page_context(request, obj)
        if obj is None:
            return context
        number = obj.workflows.count()
        text = ngettext(
            "%(count)d workflow is restricted to this environment. A new name is a "
            "new condition for it: events that carry the old one no longer reach it.",
            "%(count)d workflows are restricted to this environment. A new name is a "
            "new condition for them: events that carry the old one no longer reach them.",
            number,
        )
        return {**context, "summary": text % {"count": number} if number else ""}
