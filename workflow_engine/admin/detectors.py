"""Detector pages: route, trigger, kind, what is open now and which workflows it starts."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from django.contrib import admin
from django.db.models import Exists, OuterRef, prefetch_related_objects
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from workflow_engine import registry
from workflow_engine.admin.every_event import AsksAgain
from workflow_engine.admin.groups import ConditionInline, GroupInline
from workflow_engine.admin.kinds import KindAdmin
from workflow_engine.admin.lists import RowsChangeList, marks
from workflow_engine.admin.moments import EMPTY, moment
from workflow_engine.admin.rules import GroupOwner
from workflow_engine.admin.summary import SUMMARY_PARTS
from workflow_engine.admin.switches import Switches
from workflow_engine.admin.wording import label_of
from workflow_engine.models import (
    ConditionGroup,
    Detector,
    DetectorState,
    DetectorWorkflow,
)
from workflow_engine.status.every_event import unlimited_detectors

STATES_SHOWN: Final = 20
COUNTED: Final = 1000


class DetectorChangeList(RowsChangeList):
    """Reads the workflows and the open states of all rows of a page together."""

    def complete(self, rows: list[Any]) -> None:
        ids = [row.pk for row in rows]
        links = DetectorWorkflow.objects.filter(detector__in=ids).values_list(
            "detector", "workflow", "workflow__slug"
        )
        for row in rows:
            row.linked = [(w, slug) for d, w, slug in links if d == row.pk]
        opened = DetectorState.objects.filter(detector__in=ids, priority__gt=0)
        found = Counter(opened.values_list("detector", flat=True)[: COUNTED + 1])
        for row in rows:
            row.opened = found[row.pk]


class DetectorAdmin(Switches, AsksAgain, KindAdmin, GroupOwner):
    """What a detector watches, when it is triggered and what follows."""

    kinds = registry.detectors
    group_roles = frozenset({"trigger"})
    owned = ("links", "groups", "states")
    head = ("name", "slug", "enabled", "event_type", "source")
    choose_title = _("Choose what the detector looks for")
    list_display = (
        "name",
        "warnings",
        "enabled",
        "open_shown",
        "kind_name",
        "event_type",
        "source_shown",
        "workflows_shown",
    )
    list_filter = ("enabled", "kind")
    search_fields = ("slug", "name", "event_type")
    ordering = ("name", "pk")
    prepopulated_fields = {"slug": ("name",)}
    empty_state = _(
        "No detector yet. A detector watches one type of event and says what an event "
        "means: add one, then link it to a workflow."
    )
    every_event_question = _(
        "This detector would look at every event of every type. If that is what you "
        "want, save again."
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return DetectorChangeList

    def matches_every_event(self, pk: Any) -> bool:
        rows = unlimited_detectors(Detector.objects.filter(pk=pk))
        return bool(rows.values_list("takes_all", flat=True).get())

    def list_queryset(self, rows: Any) -> Any:
        """Return the rows of the list with what its columns need."""
        links = DetectorWorkflow.objects.filter(detector=OuterRef("pk"))
        return unlimited_detectors(rows).annotate(is_linked=Exists(links))

    @admin.display(description=_("source"), ordering="source")
    def source_shown(self, detector: Any) -> str:
        return detector.source or str(_("any"))

    @admin.display(description=_("kind"), ordering="kind")
    def kind_name(self, detector: Any) -> str:
        return label_of(registry.detectors.get(detector.kind), detector.kind)

    @admin.display(description=_("open subjects"))
    def open_shown(self, detector: Any) -> str:
        return str(detector.opened)

    @admin.display(description=_("starts"))
    def workflows_shown(self, detector: Any) -> str:
        return self._links(detector.linked)

    def _links(self, workflows: Any) -> str:
        address = reverse(f"{self.admin_site.name}:workflow_engine_workflow_changelist")
        links = ((address, pk, slug) for pk, slug in workflows)
        return format_html_join(", ", '<a href="{}{}/change/">{}</a>', links) or EMPTY

    @admin.display(description=_("warnings"))
    def warnings(self, detector: Any) -> str:
        return marks(
            (detector.takes_all, _("matches every event")),
            (not detector.is_linked, _("starts no workflow")),
            (registry.detectors.get(detector.kind) is None, _("kind not registered")),
        )

    def group_inlines(self, request: HttpRequest, obj: Any) -> list[GroupInline]:
        groups: list[ConditionGroup] = []
        if obj is not None:
            prefetch_related_objects([obj], *SUMMARY_PARTS[1:3])
            groups = list(obj.groups.all())
        group = groups[0] if groups else ConditionGroup(role="trigger", logic="all")
        if not group.pk:
            group.detector = Detector(kind=self.kind_of(request, obj))
        else:
            group.detector = obj
        prefix = f"group-{group.pk}" if group.pk else "new-trigger"
        titles = (_("Trigger"), _("Trigger: which events it looks at"))
        given: dict[str, Any] = {"group": group, "prefix": prefix, "titles": titles}
        return [ConditionInline(Detector, self.admin_site, **given)]

    def adopt(self, group: Any, owner: Any) -> None:
        group.detector = owner

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        context = super().page_context(request, obj)
        if obj is not None:
            states = obj.states.order_by("-priority", "-changed_at", "pk")
            found = list(states[: STATES_SHOWN + 1])
            context["states"] = [_state(one) for one in found[:STATES_SHOWN]]
            context["more_states"] = STATES_SHOWN if found[STATES_SHOWN:] else 0
            linked = obj.links.order_by("workflow__slug").values_list(
                "workflow", "workflow__slug"
            )
            context["linked"] = self._links(linked)
        return context


def _state(state: DetectorState) -> dict[str, str]:
    return {
        "subject": state.subject,
        "environment": state.environment,
        "priority": state.get_priority_display(),
        "since": moment(state.changed_at),
        "last_seen": moment(state.last_seen_at),
    }
