"""Action pages: what is done, how it fares, and which workflows carry it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, Prefetch, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from workflow_engine import clock, registry
from workflow_engine.admin.kinds import KindAdmin
from workflow_engine.admin.lists import RowsChangeList, marks
from workflow_engine.admin.moments import EMPTY, moment_column
from workflow_engine.admin.switches import Switches
from workflow_engine.admin.wording import label_of
from workflow_engine.models import Action, Firing, GroupAction


class ActionAdmin(Switches, KindAdmin):
    """One thing to do, drawn from the schema of its kind."""

    kinds = registry.actions
    head = ("name", "slug", "enabled")
    choose_title = _("Choose what the action does")
    list_display = (
        "name",
        "enabled",
        "kind_name",
        "carried_by",
        "last_fired",
        "failures",
        "warnings",
    )
    list_filter = ("enabled", "kind")
    list_select_related = ("health",)
    search_fields = ("slug", "name")
    ordering = ("name", "pk")
    prepopulated_fields = {"slug": ("name",)}
    empty_state = _(
        "No action yet. An action says what is done, such as an e-mail or a call to a "
        "webhook: add one, then let a workflow carry it."
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return RowsChangeList

    def list_queryset(self, rows: Any) -> Any:
        """Return the rows of the list with what its columns need."""
        firings = Firing.objects.filter(action=OuterRef("pk")).order_by("-decided_at")
        carried = GroupAction.objects.select_related("group__workflow").order_by("pk")
        return rows.annotate(
            last_fired_at=Subquery(firings.values("decided_at")[:1])
        ).prefetch_related(Prefetch("carried", carried))

    last_fired = moment_column("last_fired_at", _("last fired"))

    @admin.display(description=_("kind"), ordering="kind")
    def kind_name(self, action: Action) -> str:
        return label_of(registry.actions.get(action.kind), action.kind)

    @admin.display(description=_("carried by"))
    def carried_by(self, action: Action) -> str:
        address = reverse(f"{self.admin_site.name}:workflow_engine_workflow_changelist")
        workflows = {
            one.group.workflow.pk: one.group.workflow.slug
            for one in action.carried.all()
            if one.group.workflow is not None
        }
        links = ((address, pk, slug) for pk, slug in workflows.items())
        return format_html_join(", ", '<a href="{}{}/change/">{}</a>', links) or EMPTY

    @admin.display(description=_("failures in a row"))
    def failures(self, action: Any) -> str:
        health = getattr(action, "health", None)
        return str(health.failures) if health else EMPTY

    @admin.display(description=_("warnings"))
    def warnings(self, action: Any) -> str:
        health = getattr(action, "health", None)
        is_off = health is not None and health.off_at is not None
        until = health.open_until if health is not None else None
        return marks(
            (is_off, _("switched off after failures")),
            (until is not None and until > clock.now(), _("paused after failures")),
            (registry.actions.get(action.kind) is None, _("kind not registered")),
        )
