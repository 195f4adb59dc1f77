"""Told: the moments and numbers of a chart in letters, made once for picture and table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from workflow_engine.admin.charts import axes
from workflow_engine.admin.charts.chart import Chart
from workflow_engine.admin.charts.markup import plain


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a chart says.

    Attributes:
        moments: Of each slot, for a line of words, as markup.
        stamps: Of each slot, as a `time` element with UTC on hover.
        values: Of each slot, one for each series, as markup.
    """

    moments: list[str]
    stamps: list[SafeString]
    values: list[list[SafeString]]


def told_of(chart: Chart) -> Told:
    """Return what a chart says, in the zone and language of the viewer."""
    local = [timezone.localtime(at) for at in chart.slots]
    moments = list(_moments(chart, local))
    if chart.is_open:
        moments[-1] = plain(_("%s, not over yet") % moments[-1])
    shown = [
        [plain(axes.text(chart, value)) for value in series.values]
        for series in chart.series
    ]
    return Told(
        moments=moments,
        stamps=[_stamp(one) for one in local],
        values=[list(slot) for slot in zip(*shown, strict=True)],
    )


def _moments(chart: Chart, local: list[datetime]) -> Iterator[str]:
    """Yield the moments; the day only where there are several."""
    is_short = chart.slot * len(chart.slots) <= timedelta(hours=1)
    days: dict[date, str] = {}
    for at in local:
        day = at.date()
        if day not in days:
            days[day] = "" if is_short else f"{plain(date_format(at, 'j M'))} "
        yield f"{days[day]}{at:%H:%M}"


def _stamp(local: datetime) -> SafeString:
    """Return a moment as `admin.moments` has it; a table has hundreds."""
    utc = local.astimezone(UTC)
    return SafeString(
        f'<time datetime="{utc.isoformat()}" title="{utc:%Y-%m-%d %H:%M:%S} UTC">'
        f"<span>{local:%Y-%m-%d}</span> <span>{local:%H:%M:%S}</span></time>"
    )
