"""Action pages: what is done, how it fares, and which workflows carry it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, Prefetch, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from workflow_engine import clock, registry
from workflow_engine.admin.changes import changed_field
from workflow_engine.admin.kinds import KindAdmin
from workflow_engine.admin.lists import RowsChangeList, marks
from workflow_engine.admin.moments import EMPTY, moment, moment_column
from workflow_engine.admin.switches import Switches
from workflow_engine.admin.wording import label_of
from workflow_engine.conf import options
from workflow_engine.models import Action, ActionHealth, Firing, GroupAction
from workflow_engine.processing.circuit import turn_on


class ActionAdmin(Switches, KindAdmin):
    """One thing to do, drawn from the schema of its kind."""

    actions = (*Switches.actions, "turn_on")
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
        is_missing = registry.actions.get(action.kind) is None
        return marks(
            *_claims(getattr(action, "health", None)),
            (is_missing, _("kind not registered")),
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if not self.health_shown(obj):
            return fieldsets
        (title, first), *rest = fieldsets
        fields = (*first["fields"], "health_shown")
        return [(title, {**first, "fields": fields}), *rest]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*super().get_readonly_fields(request, obj), "health_shown")

    @admin.display(description=_("health"))
    def health_shown(self, action: Any) -> str:
        """Return why the action is not carried out, and the cure; "" when it is."""
        health = getattr(action, "health", None)
        claims = marks(*_claims(health))
        if health is None or not claims:
            return ""
        error = gettext("Last error: {}.")
        return format_html("{} " + error, claims, health.last_error or EMPTY)

    @admin.action(description=_("Turn on again"), permissions=["change"])
    def turn_on(self, request: HttpRequest, queryset: Any) -> None:
        """Turn on what was switched off after failures, and say how many."""
        chosen = list(queryset.select_related("health").order_by("pk"))
        turned = set(turn_on([row.pk for row in chosen], options.DATABASE))
        field = ActionHealth._meta.get_field("off_at")
        for row in chosen:
            if row.pk in turned:
                text = changed_field(field, row.health.off_at, None)
                self.log_change(request, row, [{"changed": {"fields": [text]}}])
        if turned:
            text = ngettext(
                "%(count)d action was turned on again.",
                "%(count)d actions were turned on again.",
                len(turned),
            )
            self.message_user(request, text % {"count": len(turned)}, messages.SUCCESS)
        others = len(chosen) - len(turned)
        if others:
            text = ngettext(
                "%(count)d action was not switched off and stays as it is.",
                "%(count)d actions were not switched off and stay as they are.",
                others,
            )
            self.message_user(request, text % {"count": others}, messages.WARNING)


def _claims(health: ActionHealth | None) -> list[tuple[bool, Any]]:
    """Return what keeps an action from being carried out, each with its words."""
    if health is None:
        return []
    off, until = health.off_at, health.open_until
    is_paused = off is None and until is not None and until > clock.now()
    off_words = gettext(
        "switched off since {}; turn it on with “Turn on again” above the list of actions"
    )
    paused_words = gettext("paused until {}, then tried again")
    return [
        (off is not None, format_html(off_words, moment(off))),
        (is_paused, format_html(paused_words, moment(until))),
    ]
