"""Workflow pages: the list with its figures, and the one form from when to then."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import Exists, OuterRef, prefetch_related_objects
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from workflow_engine import clock
from workflow_engine.admin.choices import read_once_field
from workflow_engine.admin.decisions import last_decisions
from workflow_engine.admin.every_event import AsksAgain
from workflow_engine.admin.figures import Figures, figures_of, with_last_fired
from workflow_engine.admin.groups import (
    CarriedInline,
    ConditionInline,
    GroupInline,
    PartFormSet,
    PartInline,
)
from workflow_engine.admin.lists import RowsChangeList, marks
from workflow_engine.admin.moments import EMPTY, moment, moment_column
from workflow_engine.admin.rules import GroupOwner
from workflow_engine.admin.summary import SUMMARY_PARTS, summary_of
from workflow_engine.admin.switches import Snoozes
from workflow_engine.admin.workflow_filters import FiredFilter, SnoozedFilter
from workflow_engine.models import (
    ConditionGroup,
    Detector,
    DetectorWorkflow,
    GroupAction,
    Workflow,
)
from workflow_engine.status.every_event import unlimited_workflows


class DetectorLinkInline(PartInline):
    """Which detectors a workflow listens to."""

    model = DetectorWorkflow
    owner_model = Workflow
    formset = PartFormSet
    fields = ("detector",)
    extra = 1
    verbose_name = _("detector that starts it")
    verbose_name_plural = _("Detectors: any of them starts the workflow")

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "detector" and self.has_change_permission(request):
            rows = Detector.objects.order_by("slug")
            return read_once_field(request, db_field, rows, self.admin_site)
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class WorkflowChangeList(RowsChangeList):
    """Reads the figures of all rows of a page together."""

    def complete(self, rows: list[Any]) -> None:
        figures = figures_of(rows, now=clock.now())
        for row in rows:
            row.figures = figures.get(row.pk, Figures())


class WorkflowAdmin(Snoozes, AsksAgain, GroupOwner):
    """The whole workflow in reading order on one page."""

    list_display = (
        "name",
        "warnings",
        "enabled",
        "snoozed",
        "environment",
        "detectors_shown",
        "last_fired",
        "fired_24h",
        "held_24h",
    )
    list_filter = ("enabled", "environment", FiredFilter, SnoozedFilter)
    list_select_related = ("environment",)
    search_fields = ("slug", "name", "links__detector__slug")
    ordering = ("name", "pk")
    formfield_overrides = {
        models.TextField: {
            "widget": forms.Textarea(attrs={"rows": 2, "class": "vLargeTextField"})
        }
    }
    prepopulated_fields = {"slug": ("name",)}
    inlines = (DetectorLinkInline,)
    group_roles = frozenset({"when", "if"})
    owned = ("links", "groups", "intervals")
    fieldsets = (
        (None, {"fields": ("name", "slug", "description", "enabled")}),
        (_("Where and how often"), {"fields": ("environment", "interval")}),
        (
            _("Snooze and tracing"),
            {
                "fields": ("snoozed_until", "snooze_note", "trace_until"),
                "classes": ("collapse",),
            },
        ),
    )
    empty_state = _(
        "No workflow yet. A workflow says what happens when a detector is triggered: "
        "first add a detector and an action, then add a workflow that joins them."
    )
    every_event_question = _(
        "This workflow has no condition: it would act on every event that triggers one "
        "of its detectors. If that is what you want, save again."
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("environment")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return WorkflowChangeList

    def matches_every_event(self, pk: Any) -> bool:
        rows = unlimited_workflows(Workflow.objects.filter(pk=pk))
        return bool(rows.values_list("acts_always", flat=True).get())

    def list_queryset(self, rows: Any) -> Any:
        """Return the rows of the list with what its columns need."""
        links = DetectorWorkflow.objects.filter(workflow=OuterRef("pk"))
        carried = GroupAction.objects.filter(group__workflow=OuterRef("pk"))
        rows = unlimited_workflows(with_last_fired(rows)).annotate(
            is_linked=Exists(links), is_acting=Exists(carried)
        )
        return rows.prefetch_related(SUMMARY_PARTS[0])

    last_fired = moment_column("last_fired_at", _("last fired"))

    @admin.display(description=_("detectors"))
    def detectors_shown(self, workflow: Any) -> str:
        address = reverse(f"{self.admin_site.name}:workflow_engine_detector_changelist")
        links = (
            (address, link.detector_id, link.detector.slug)
            for link in workflow.links.all()
        )
        return format_html_join(", ", '<a href="{}{}/change/">{}</a>', links) or EMPTY

    @admin.display(description=_("fired, 24 h"))
    def fired_24h(self, workflow: Any) -> str:
        return self._rows_link("firing", workflow, workflow.figures.fired)

    @admin.display(description=_("held, 24 h"))
    def held_24h(self, workflow: Any) -> str:
        return self._rows_link("workflowdecision", workflow, workflow.figures.held)

    def _rows_link(self, model: str, workflow: Any, text: str) -> str:
        name = f"{self.admin_site.name}:workflow_engine_{model}_changelist"
        held = "&outcome__exact=held" if model == "workflowdecision" else ""
        address = f"{reverse(name)}?workflow__id__exact={workflow.pk}&recent=24h{held}"
        return format_html('<a href="{}">{}</a>', address, text)

    @admin.display(description=_("snoozed until"), ordering="snoozed_until")
    def snoozed(self, workflow: Any) -> str:
        until = workflow.snoozed_until
        return moment(until) if until and until > clock.now() else EMPTY

    @admin.display(description=_("warnings"))
    def warnings(self, workflow: Any) -> str:
        return marks(
            (workflow.acts_always, _("matches every event")),
            (not workflow.is_linked, _("no detector")),
            (not workflow.is_acting, _("no action")),
        )

    def group_inlines(self, request: HttpRequest, obj: Any) -> list[GroupInline]:
        groups = _groups_of(obj)
        if not any(group.role == "when" for group in groups):
            groups.insert(0, ConditionGroup(role="when", logic="all"))
        last = max((g.position for g in groups if g.role == "if"), default=-1)
        groups.append(ConditionGroup(role="if", logic="all", position=last + 1))
        return list(self._inlines_of(groups))

    def _inlines_of(self, groups: Iterable[ConditionGroup]) -> Iterable[GroupInline]:
        number = 0
        for group in groups:
            prefix = f"group-{group.pk}" if group.pk else f"new-{group.role}"
            given: dict[str, Any] = {"group": group, "prefix": prefix}
            if group.role == "when":
                titles: tuple[Any, Any] = (_("When"), _("When: before anything else"))
                yield ConditionInline(Workflow, self.admin_site, titles=titles, **given)
                continue
            number += 1
            titles = _if_titles(number, is_new=not group.pk)
            yield ConditionInline(Workflow, self.admin_site, titles=titles, **given)
            given["prefix"] += "-then"
            titles = ("", _("Then %(number)s: actions") % {"number": number})
            yield CarriedInline(Workflow, self.admin_site, titles=titles, **given)

    def adopt(self, group: Any, owner: Any) -> None:
        group.workflow = owner

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        context = super().page_context(request, obj)
        if obj is None:
            return context
        saved = obj
        if request.method == "POST":  # `obj` carries what was typed, not what is saved
            saved = Workflow.objects.select_related("environment").get(pk=obj.pk)
        prefetch_related_objects([saved], *SUMMARY_PARTS)
        name = f"{self.admin_site.name}:workflow_engine_decision_changelist"
        return {
            **context,
            "summary": summary_of(saved),
            "last_decisions": last_decisions(obj.pk),
            "decision_url": reverse(name),
        }


def _if_titles(number: int, *, is_new: bool) -> tuple[Any, Any]:
    facts = {"number": number}
    title = _("If %(number)s") % facts
    if is_new and number > 1:
        return title, _("If %(number)s: conditions of another group") % facts
    return title, _("If %(number)s: conditions") % facts


def _groups_of(workflow: Any) -> list[ConditionGroup]:
    """Return the saved groups, when first, with their rows read."""
    if workflow is None:
        return []
    prefetch_related_objects([workflow], *SUMMARY_PARTS)
    groups = workflow.groups.all()
    return sorted(groups, key=lambda group: (group.role != "when", group.position))
