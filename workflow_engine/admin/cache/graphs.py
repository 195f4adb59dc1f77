"""Graphs: how reads were answered, over the window."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from workflow_engine.admin.charts import Chart, Kind, Mark, Series, draw
from workflow_engine.admin.moments import duration
from workflow_engine.admin.numbers import number, share
from workflow_engine.status.cache_figures import CacheFigures, Slot


def graphs(figures: CacheFigures, access: str) -> list[SafeString]:
    """Return the charts of an access, ALL for all together."""
    slots = figures.slots.get(access, ())
    marks = [Mark(at=one.at, name=one.name) for one in figures.releases]
    return [draw(_hits(figures, slots, marks)), draw(_reads(figures, slots, marks))]


def _hits(figures: CacheFigures, slots: Sequence[Slot], marks: Sequence[Mark]) -> Chart:
    values = [one.hit_share for one in slots]
    shares = [one for one in values if one is not None]
    lowest = (
        _("the lowest is %s") % share(min(shares)) if shares else _("none was read")
    )
    return Chart(
        name="hits",
        title=_("Hit ratio"),
        description=f"{_span(figures, slots)}; {lowest}",
        slots=[one.at for one in slots],
        series=[Series(name=_("hits of the reads"), values=values)],
        marks=marks,
        until=figures.window.until,
        is_share=True,
    )


def _reads(
    figures: CacheFigures, slots: Sequence[Slot], marks: Sequence[Mark]
) -> Chart:
    most = max((one.reads or 0 for one in slots), default=0)
    highest = _("the most are %s") % number(most)
    return Chart(
        name="reads",
        title=_("Reads by how they were answered"),
        description=f"{_span(figures, slots)}; {highest}",
        slots=[one.at for one in slots],
        series=[
            Series(name=_("hits"), values=[s.hits for s in slots], kind=Kind.BAR),
            Series(name=_("misses"), values=[s.misses for s in slots], kind=Kind.BAR),
            Series(
                name=_("bypasses"), values=[s.bypasses for s in slots], kind=Kind.BAR
            ),
        ],
        marks=marks,
        until=figures.window.until,
    )


def _span(figures: CacheFigures, slots: Sequence[Slot]) -> str:
    """Return over which time, in which steps."""
    if not slots:
        return _("Nothing")
    return _("In steps of %(step)s from %(since)s to %(until)s") % {
        "step": duration(int(figures.window.slot.total_seconds())),
        "since": date_format(localtime(slots[0].at), "j M H:i"),
        "until": date_format(localtime(figures.window.until), "j M H:i"),
    }
