"""Asking: which workflows apply to detectors in an environment, from both sides.

It is a real look-up, as an event makes it: it fills entries and is counted. Where the sides
differ the page waits and asks again, no longer than the inspector does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from workflow_engine.admin.cache.addresses import address, entry_url, row_url
from workflow_engine.admin.cache.asking_form import LISTED, AskingForm
from workflow_engine.admin.cache.cells import MODES, short
from workflow_engine.admin.cache.inspector import PATIENCE_SECONDS, verdict
from workflow_engine.admin.cache.noting import told_away
from workflow_engine.admin.cache.seeing import sees, unseen
from workflow_engine.admin.moments import EMPTY
from workflow_engine.admin.standing import StandingAdmin
from workflow_engine.caches.coherence import current
from workflow_engine.conf import options
from workflow_engine.inspection.asking import (
    OfDetector,
    OfWorkflow,
    Taken,
    ask,
    modes_beside_enabled,
)
from workflow_engine.models import Detector, Workflow

_WHY_NOT: Final = {
    "": "",
    "unlinked": gettext_lazy("not linked"),
    "gone": gettext_lazy("deleted"),
    "disabled": gettext_lazy("disabled"),
    "environment": gettext_lazy("of another environment"),
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry as a link.

    Attributes:
        text: Access and key.
        url: Its page of the inspector.
        state: In one word.
    """

    text: str
    url: str
    state: str


@dataclass(frozen=True, kw_only=True)
class WorkflowRow:
    """A workflow, as a page shows it.

    Attributes:
        workflow_id: Its id, as a text that no format of numbers changes.
        name: Its name, or what is known instead.
        url: Its page; "" = it has none, or not for this user.
        cached: What the look-up says.
        loaded: What the database says.
        is_different: Whether they differ.
        entry: What it was read from.
    """

    workflow_id: str
    name: str
    url: str
    cached: str
    loaded: str
    is_different: bool
    entry: Entry


@dataclass(frozen=True, kw_only=True)
class DetectorPart:
    """A detector with what applies to it, as a page shows it."""

    detector_id: str
    name: str
    url: str
    is_different: bool
    links: Entry
    rows: tuple[WorkflowRow, ...]


class AskingMixin(StandingAdmin):
    """A page below that of the look-ups, for who may view it."""

    asking_template = "admin/workflow_engine/cache_ask.html"

    def own_urls(self) -> list[URLPattern]:
        return [*super().own_urls(), address(self, "ask", self.ask_view, "ask/")]

    def ask_view(self, request: HttpRequest) -> HttpResponse:
        """Show what applies to the detectors of the query, or ask which ones."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = AskingForm(
            request.GET if "detector" in request.GET else None,
            may_list={one for one in LISTED if sees(request, one)},
        )
        context: dict[str, Any] = {
            "title": _("Ask which workflows apply"),
            "form": form,
            "unseen": unseen(request, (Detector, Workflow)),
            "modes": [
                (name, MODES[mode]) for name, mode in modes_beside_enabled().items()
            ],
        }
        if form.is_valid():
            context |= self._answer(request, form)
        return self.respond(request, self.asking_template, context)

    def _answer(self, request: HttpRequest, form: AskingForm) -> dict[str, Any]:
        ids = form.cleaned_data["detector"]
        environment = form.cleaned_data["environment"]
        is_shared = options.CACHE_ALIAS is not None
        answered = ask(
            current(),
            ids,
            environment,
            is_shared=is_shared,
            most_wait_seconds=PATIENCE_SECONDS,
        )
        names = form.names(ids)
        return {
            "is_answered": True,
            "is_shared": is_shared,
            "environment": environment,
            "away": answered.away and told_away(answered.away),
            "is_different": answered.is_different,
            "verdict": verdict(
                is_different=answered.is_different, was_repeated=answered.was_repeated
            ),
            "detectors": [
                self._detector(request, one, names) for one in answered.detectors
            ],
        }

    def _detector(
        self, request: HttpRequest, one: OfDetector, names: dict[int, str]
    ) -> DetectorPart:
        name = names.get(one.detector_id)
        there = Detector if name is not None else None
        is_seen = sees(request, Detector)
        words = _("detector %(id)d: there is none") if is_seen else _("detector %(id)d")
        return DetectorPart(
            detector_id=str(one.detector_id),
            name=name or words % {"id": one.detector_id},
            url=row_url(request, self.admin_site, there, one.detector_id)
            if there
            else "",
            is_different=one.is_different,
            links=self._link(one.links),
            rows=tuple(self._rows(request, one.workflows)),
        )

    def _rows(
        self, request: HttpRequest, those: Iterable[OfWorkflow]
    ) -> Iterable[WorkflowRow]:
        is_seen = sees(request, Workflow)
        for one in those:
            name = one.name if is_seen else ""
            is_there = bool(one.name) and one.why_not != "gone"
            yield WorkflowRow(
                workflow_id=str(one.workflow_id),
                name=name or _("workflow %(id)d") % {"id": one.workflow_id},
                url=row_url(request, self.admin_site, Workflow, one.workflow_id)
                if is_there
                else "",
                cached=_cached_text(one) if is_seen else EMPTY,
                loaded=_loaded_text(one) if is_seen else EMPTY,
                is_different=one.is_different,
                entry=self._link(one.entry),
            )

    def _link(self, taken: Taken) -> Entry:
        return Entry(
            text=f"{taken.access} / {taken.key}",
            url=entry_url(self, taken.access, taken.key),
            state=short(taken.state),
        )


def _cached_text(one: OfWorkflow) -> str:
    if one.cached is None:
        return _("does not apply")
    if one.loaded is not None and one.is_different:
        return _("applies, with other fields")
    return _("applies")


def _loaded_text(one: OfWorkflow) -> str:
    if one.loaded is not None:
        return _("applies")
    why = str(_WHY_NOT[one.why_not])
    return _("does not apply: %(why)s") % {"why": why}
