"""Axes: which numbers and which moments stand beside a chart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor, log10
from typing import Final

from django.utils import timezone
from django.utils.formats import date_format

from workflow_engine.admin.charts.chart import Chart, Kind, Series
from workflow_engine.admin.numbers import SPACE, measured, number, percent, share, short

#: Spaces between numbers of an axis, about.
SPACES: Final = 4

#: Moments below a chart, at most.
MOST_MOMENTS: Final = 8

_ROUND: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_MINUTES: Final = (1, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440, 2880, 10080)
_DAY: Final = 1440


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The axis of values.

    Attributes:
        low: The least that can be drawn; 0 unless something hangs below.
        high: The most.
        step: Between two of its numbers.
    """

    low: float
    high: float
    step: float

    def place(self, value: float) -> float:
        """Return where a value stands, 0 to 1 from above."""
        return (self.high - value) / (self.high - self.low)

    def numbers(self) -> Iterator[float]:
        """Yield the numbers beside it, from below."""
        first, last = round(self.low / self.step), round(self.high / self.step)
        for place in range(first, last + 1):
            yield place * self.step


def scale_of(chart: Chart) -> Scale:
    """Return the axis that all values of a chart have room on."""
    below = max(_stacked(chart, Kind.BELOW), default=0.0)
    lines = [one or 0.0 for series in _of(chart, Kind.LINE) for one in series.values]
    highest = max([*lines, *_stacked(chart, Kind.BAR), chart.top or 0.0])
    if chart.is_share and highest <= 1 and not below:
        return Scale(low=0.0, high=1.0, step=0.25)
    span = highest + below or 1.0
    is_whole = all(float(value).is_integer() for value in chart.known)
    step = _step(span, is_whole=is_whole)
    return Scale(low=-ceil(below / step) * step, high=_over(highest, step), step=step)


def label(chart: Chart, value: float) -> str:
    """Return a number of the axis."""
    return percent(abs(value)) if chart.is_share else short(abs(value))


def text(chart: Chart, value: float | None) -> str:
    """Return a value in words, with its unit; "-" for a gap."""
    if chart.is_share or value is None:
        return share(value)
    shown = number(value) if float(value).is_integer() else measured(value)
    return f"{shown}{SPACE}{chart.unit}" if chart.unit else shown


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A moment below a chart.

    Attributes:
        place: From the left, 0 to 1.
        text: In the zone of the viewer.
    """

    place: float
    text: str


def moments_of(chart: Chart) -> list[Moment]:
    """Return moments at round times of the viewer's clock, not too many."""
    if not chart.slots:
        return []
    total = chart.slot * len(chart.slots) / timedelta(minutes=1)
    step = next((one for one in _MINUTES if total / one <= MOST_MOMENTS), _MINUTES[-1])
    found: list[Moment] = []
    before = _stretch(timezone.localtime(chart.slots[0] - chart.slot), step)
    for at in chart.slots:
        local = timezone.localtime(at)
        stretch = _stretch(local, step)
        if stretch != before:
            past = _past(local) % min(step, _DAY)
            place = chart.place(at - timedelta(minutes=past))
            if place is not None:
                text_of = _clock(local - timedelta(minutes=past), step)
                found.append(Moment(place=place, text=text_of))
        before = stretch
    return found


def _of(chart: Chart, kind: Kind) -> list[Series]:
    return [series for series in chart.series if series.kind is kind]


def _stacked(chart: Chart, kind: Kind) -> list[float]:
    """Return how high the bars of each slot stand together."""
    bars = [series.values for series in _of(chart, kind)]
    return [sum(one or 0.0 for one in slot) for slot in zip(*bars, strict=True)]


def _step(span: float, *, is_whole: bool) -> float:
    """Return a round distance that fits about SPACES times into a span."""
    wanted = span / SPACES
    size = 10.0 ** floor(log10(wanted))
    steps = (one for one in _ROUND if not (is_whole and (one * size) % 1))
    step = next((one * size for one in steps if one * size >= wanted), 10 * size)
    return max(1.0, step) if is_whole else step


def _over(highest: float, step: float) -> float:
    """Return the first multiple of a step that is not below the highest value."""
    return max(1, ceil(round(highest / step, 6))) * step


def _stretch(local: datetime, step: int) -> tuple[int, int]:
    """Return which stretch of so many minutes of the viewer's clock a moment is in."""
    if step >= _DAY:
        return local.toordinal() // (step // _DAY), 0
    return local.toordinal(), _past(local) // step


def _past(local: datetime) -> int:
    """Return how many minutes of its day are past."""
    return local.hour * 60 + local.minute


def _clock(local: datetime, step: int) -> str:
    is_midnight = local.hour == 0 and local.minute == 0
    if step >= _DAY or is_midnight:
        return date_format(local, "j M")
    return date_format(local, "H:i")
