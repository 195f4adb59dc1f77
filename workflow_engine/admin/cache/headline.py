"""Headline: the few numbers that say how the look-ups are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from workflow_engine.admin.moments import EMPTY
from workflow_engine.admin.numbers import number
from workflow_engine.admin.shown import count_shown, share_shown
from workflow_engine.metrics.lines import Line
from workflow_engine.status.cache_figures import CacheFigures
from workflow_engine.types.spans import span_text


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One number.

    Attributes:
        label: What it is.
        figure: The number.
        note: A few words on it; "" = none.
        leads_to: Id of the section that tells more.
        is_bad: Whether somebody should look.
    """

    label: str
    figure: SafeString
    note: Any = ""
    leads_to: str = ""
    is_bad: bool = False


def known(value: int, *, is_counted: bool) -> int | None:
    """Return a count; nothing that nobody would have counted is unknown, not 0."""
    return value if value or is_counted else None


def tiles(figures: CacheFigures, line: Line, *, is_counted: bool) -> Iterator[Tile]:
    """Yield the numbers of one access or of all."""
    reads = known(line.reads, is_counted=is_counted)
    hits = known(line.count("hit"), is_counted=is_counted)
    yield Tile(
        label=_("Hit ratio"),
        figure=share_shown("hit_share", line.hit_share),
        note=format_html(_("of {} keys asked for"), count_shown("reads", reads)),
        leads_to="wfe-charts",
    )
    yield Tile(
        label=_("Hits"),
        figure=count_shown("hits", hits),
        note=_("keys answered without a query"),
        leads_to="wfe-why-hit",
    )
    misses = known(line.count("miss"), is_counted=is_counted)
    yield Tile(
        label=_("Misses"),
        figure=count_shown("misses", misses),
        note=_("keys loaded, to be stored"),
        leads_to="wfe-why-miss",
    )
    yield _stale(line)
    if figures.alias is not None:
        yield _outbox(figures)


def _stale(line: Line) -> Tile:
    checked = line.verified
    words = ngettext(
        "of %s answer compared", "of %s answers compared", checked
    ) % number(checked)
    return Tile(
        label=_("Stale"),
        figure=count_shown("stale", line.stale if checked or line.stale else None),
        note=words if checked else _("no answer was compared"),
        leads_to="wfe-coherence",
        is_bad=bool(line.stale),
    )


def _outbox(figures: CacheFigures) -> Tile:
    debt = figures.debt
    age = EMPTY if debt is None else _("nothing is owed")
    if debt is not None and debt.oldest_seconds is not None:
        age = _("the oldest %s old") % span_text(debt.oldest_seconds)
    return Tile(
        label=_("Outbox"),
        figure=count_shown("outbox_rows", None if debt is None else debt.rows),
        note=age if debt is not None else _("there is none in this database"),
        leads_to="wfe-coherence",
        is_bad=debt is None or debt.is_old,
    )
