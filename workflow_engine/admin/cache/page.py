"""Page: the figures of the look-ups in a window, of all accesses or of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from workflow_engine.admin.cache.asking import AskingMixin
from workflow_engine.admin.cache.coherence import (
    Fact,
    facts,
    store_facts,
    traffic_facts,
)
from workflow_engine.admin.cache.forgetting import ForgettingMixin
from workflow_engine.admin.cache.graphs import graphs
from workflow_engine.admin.cache.headline import tiles
from workflow_engine.admin.cache.inspector import InspectorMixin
from workflow_engine.admin.cache.lines import COLUMNS, Row, row_of
from workflow_engine.admin.cache.records import MOST_RECORDS, records_of
from workflow_engine.admin.cache.verifying import VerifyingMixin
from workflow_engine.admin.cache.why import blocks, causes
from workflow_engine.admin.cache.words import model_words
from workflow_engine.admin.standing import StandingAdmin, query_of
from workflow_engine.caches import declared
from workflow_engine.conf import options
from workflow_engine.inspection.spoiling import Spoils, spoils
from workflow_engine.metrics.lines import Line
from workflow_engine.status import cache_figures
from workflow_engine.status.cache_figures import ALL, CacheFigures
from workflow_engine.status.known import is_known
from workflow_engine.status.modes import USUAL
from workflow_engine.types.event import JSON


class CacheAdmin(
    InspectorMixin, AskingMixin, VerifyingMixin, ForgettingMixin, StandingAdmin
):
    """Shows how look-ups were answered and why; leads to looking at single entries."""

    page_template = "admin/workflow_engine/cache.html"
    page_title = _("Cache")
    has_json = True

    def page(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the page shows; at most eight queries."""
        figures = cache_figures.read(
            options.DATABASE,
            self.window(request),
            slots_of=[_asked(request)],
        )
        access = _access(request, figures)
        line = figures.line(access)
        is_counted = options.METRICS and is_known(figures.sources, figures.window)
        is_told = any(one.total() for one in line.reasons.values())
        return {
            **self.window_context(request, figures.window, figures.sources),
            "access": access,
            "accesses": list(_accesses(request, figures, access)),
            "is_empty": not line.reads,
            "is_known": bool(line.reads) or is_counted,
            "was_ever_counted": figures.sources.flushed_at is not None,
            "tiles": list(tiles(figures, line, is_counted=is_counted)),
            "columns": COLUMNS,
            "rows": _rows(request, figures, access, is_counted=is_counted),
            "graphs": graphs(figures, access) if line.reads else [],
            "blocks": list(blocks(line, is_counted=is_counted)) if is_told else [],
            "causes": causes(line),
            "facts": list(_facts(figures, line, is_counted=is_counted)),
            "records": records_of(access, request, self.admin_site) if access else [],
            "most_records": MOST_RECORDS,
            "spoils": list(map(_spoils_shown, spoils(declared))),
        }

    def json(self, request: HttpRequest) -> JSON:
        """Return the figures of all accesses in the window."""
        return cache_figures.read(options.DATABASE, self.window(request)).json()


def _facts(figures: CacheFigures, line: Line, *, is_counted: bool) -> Iterator[Fact]:
    yield from facts(figures, line)
    if figures.alias is not None:
        yield from traffic_facts(line, is_counted=is_counted)
    yield from store_facts(figures)


def _asked(request: HttpRequest) -> str:
    """Return what stands in the address; no database takes the character of number 0."""
    return request.GET.get("access", ALL).replace("\0", "")


def _access(request: HttpRequest, figures: CacheFigures) -> str:
    """Return the access that was asked for; one that is not known means all of them."""
    asked = _asked(request)
    return asked if any(line.scope == asked for line in figures.lines) else ALL


def _accesses(
    request: HttpRequest, figures: CacheFigures, chosen: str
) -> Iterator[tuple[str, str, bool]]:
    for name in (ALL, *(line.scope for line in figures.lines)):
        yield name, query_of(request, access=name), name == chosen


def _rows(
    request: HttpRequest, figures: CacheFigures, chosen: str, *, is_counted: bool
) -> list[Row]:
    return [
        row_of(
            line,
            query=query_of(request, access=line.scope),
            chosen=chosen,
            mode=figures.modes.get(line.scope, USUAL),
            is_counted=is_counted,
        )
        for line in (*figures.lines, figures.total)
    ]


def _spoils_shown(one: Spoils) -> dict[str, Any]:
    return {
        "model": model_words(one.model.lower()),
        "access": one.access,
        "is_resolved": one.is_resolved,
        "columns": ", ".join(one.columns),
    }
