"""Pictures: the charts of the dashboard."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.translation import gettext as _

from workflow_engine.admin.charts import Chart, Kind, Mark, Series
from workflow_engine.admin.moments import duration
from workflow_engine.status.event_figures import EventFigures


def charts_of(figures: EventFigures) -> Iterator[Chart]:
    """Yield how many events there were, what became of them, and how late items were."""
    slots = figures.slots
    moments = tuple(one.at for one in slots)
    marks = tuple(Mark(at=one.at, name=one.name) for one in figures.releases)
    each = duration(int(figures.window.slot.total_seconds()))
    yield Chart(
        name="events",
        title=_("Events"),
        unit=_("per %(time)s") % {"time": each},
        description=_("How many events were judged, for each %(time)s of the window.")
        % {"time": each},
        slots=moments,
        series=(
            Series(
                name=_("events"), kind=Kind.BAR, values=[one.events for one in slots]
            ),
        ),
        marks=marks,
        until=figures.window.until,
    )
    yield Chart(
        name="outcomes",
        title=_("What became of them"),
        unit=_("per %(time)s") % {"time": each},
        description=_(
            "How many events fired or were held, and below the line how many failed, for "
            "each %(time)s of the window."
        )
        % {"time": each},
        slots=moments,
        series=(
            Series(
                name=_("fired"),
                kind=Kind.BAR,
                values=[one.outcome("fired") for one in slots],
            ),
            Series(
                name=_("held"),
                kind=Kind.BAR,
                values=[one.outcome("held") for one in slots],
            ),
            Series(
                name=_("failed"),
                kind=Kind.BELOW,
                values=[one.outcome("failed") for one in slots],
                is_bad=True,
            ),
        ),
        marks=marks,
        until=figures.window.until,
    )
    yield Chart(
        name="lateness",
        title=_("Lateness of items"),
        unit=_("ms"),
        description=_(
            "From when an item was due to when it began: what half of them and what 99 in "
            "100 did not exceed, for each %(time)s of the window."
        )
        % {"time": each},
        slots=moments,
        series=(
            Series(name="p50", values=[one.lateness.quantile(0.5) for one in slots]),
            Series(name="p99", values=[one.lateness.quantile(0.99) for one in slots]),
        ),
        marks=marks,
        until=figures.window.until,
    )
