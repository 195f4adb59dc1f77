"""Inspector: one entry from both sides, and what it was forgotten for of late.

A page that finds a difference waits for the grace period and looks once more, unless that
is longer than PATIENCE_SECONDS: then it says so, and who wants to know opens it again. The
rows come from the database in any case; without the server only the cell is missing.
"""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.translation import gettext as _

from workflow_engine import clock
from workflow_engine.admin.cache.addresses import address, page_url, row_url
from workflow_engine.admin.cache.cells import cell_facts, mode_fact, process_facts
from workflow_engine.admin.cache.concerns import concerns_of
from workflow_engine.admin.cache.entry_form import EntryForm
from workflow_engine.admin.cache.labels import Compared, compared
from workflow_engine.admin.cache.noting import told_away
from workflow_engine.admin.cache.seeing import behind, unseen
from workflow_engine.admin.standing import StandingAdmin
from workflow_engine.caches.coherence import current
from workflow_engine.conf import options
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.inspection.keys import AnyQuestion
from workflow_engine.inspection.peeking import Look, look
from workflow_engine.inspection.sides import Field, fields
from workflow_engine.models import Detector, Workflow

#: The longest that a page lets its reader wait before it looks again.
PATIENCE_SECONDS: Final = 5.0

#: Whose row an entry is about, by its key.
_ROWS: Final = {
    "detectors": Detector,
    "workflow_ids_by_detector": Detector,
    "workflows": Workflow,
}


class InspectorMixin(StandingAdmin):
    """A page below that of the look-ups, for who may view it."""

    inspector_template = "admin/workflow_engine/cache_inspect.html"

    def own_urls(self) -> list[URLPattern]:
        page = address(self, "inspect", self.inspect_view, "inspect/")
        return [*super().own_urls(), page]

    def inspect_view(self, request: HttpRequest) -> HttpResponse:
        """Show the entry that the query asks for, or ask which one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        given = request.GET if "key" in request.GET else None
        form = EntryForm(given, initial={"access": request.GET.get("access", "")})
        context: dict[str, Any] = {"title": _("Inspect an entry"), "form": form}
        if form.is_valid() and form.question is not None:
            context |= self._entry(request, form.question, form.parsed, form.key_text)
        return self.respond(request, self.inspector_template, context)

    def _entry(
        self, request: HttpRequest, question: AnyQuestion, key: Any, text: str
    ) -> dict[str, Any]:
        query = {"access": question.name, "key": text}
        about: dict[str, Any] = {
            "access": question.name,
            "key": text,
            "is_shared": options.CACHE_ALIAS is not None,
            "is_counting": options.METRICS,
            "flush_seconds": options.METRICS_FLUSH_SECONDS,
            "unseen": unseen(request, behind(question)),
            "row_url": self._row_url(request, question, key),
            "again_url": page_url(self, "inspect", **query),
            "forget_url": page_url(self, "forget", **query),
            "concerns": concerns_of(question.name, text, request, self.admin_site),
        }
        try:
            one = look(current(), question, key, most_wait_seconds=PATIENCE_SECONDS)
        except CacheUnavailable as error:
            return about | _without_cell(question, key, error)
        return about | _with_cell(one)

    def _row_url(self, request: HttpRequest, question: AnyQuestion, key: Any) -> str:
        model = _ROWS.get(question.name)
        return row_url(request, self.admin_site, model, key) if model else ""


def _with_cell(one: Look) -> dict[str, Any]:
    is_shared = options.CACHE_ALIAS is not None
    facts = (
        cell_facts(one.access, one.seen, clock.now())
        if is_shared
        else process_facts(one.access, one.seen)
    )
    return {
        "facts": list(facts),
        **_rows(fields(one.seen.answers, one.loaded)),
        "is_cached": bool(one.seen.answers),
        "is_different": one.is_different,
        "verdict": verdict(is_different=one.is_different, was_repeated=one.was_repeated)
        if one.seen.answers
        else _("Nothing is cached that would be answered."),
        "was_repeated": one.was_repeated,
    }


def _without_cell(
    question: AnyQuestion, key: Any, error: CacheUnavailable
) -> dict[str, Any]:
    loaded = question.load([key])[key]
    return {
        "away": told_away(error),
        "facts": [mode_fact(question.name)],
        **_rows(fields((), loaded)),
        "is_cached": False,
        "is_different": False,
        "verdict": _("Only the database was asked."),
        "was_repeated": False,
    }


def _rows(those: list[Field]) -> dict[str, list[Compared]]:
    """Return what people look for, and what is there beside it."""
    shown = [compared(one) for one in those]
    inner = [one for one in shown if one.is_inner]
    if len(inner) == len(shown):
        return {"rows": shown, "inner_rows": []}
    return {"rows": [one for one in shown if not one.is_inner], "inner_rows": inner}


def verdict(*, is_different: bool, was_repeated: bool) -> str:
    """Return what comparing both sides came to, as a sentence."""
    seconds = {"seconds": options.CACHE_VERIFY_GRACE_SECONDS}
    if not is_different and not was_repeated:
        return _("Equal.")
    if not is_different:
        return _(
            "Different at first, equal when looked at again after %(seconds)s s: "
            "a write was under way."
        ) % (seconds)
    if was_repeated:
        return _(
            "DIFFERENT (looked at again after %(seconds)s s: still different)."
        ) % (seconds)
    return _(
        "DIFFERENT, seen once. A write may be under way: look again in %(seconds)s s."
    ) % (seconds)
