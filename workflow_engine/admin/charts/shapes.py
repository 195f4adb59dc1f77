"""Shapes: the values of a chart as bars, lines and dots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from django.utils.safestring import SafeString

from workflow_engine.admin.charts.axes import Scale
from workflow_engine.admin.charts.chart import Chart, Kind, Series, Value
from workflow_engine.admin.charts.layout import PLOT, TOP, WIDTH, down
from workflow_engine.admin.charts.markup import element, joined, per_cent

#: Of the width of a slot.
BAR_SHARE = 0.78

#: With fewer slots than this each value of a line has a dot.
DOTTED_SLOTS = 31


def classes(series: Series, place: int) -> str:
    """Return the classes that give a series its colour, dash and filling."""
    tone = "wfe-bad" if series.is_bad else f"wfe-tone-{place % 4}"
    form = "wfe-bar" if series.is_bars else f"wfe-line wfe-dash-{place % 4}"
    return f"{form} {tone}"


def filling(series: Series, place: int, prefix: str) -> str | None:
    """Return the hatch of a bar, so that colour is not all that tells; the first has none."""
    if not series.is_bars or (place == 0 and not series.is_bad):
        return None
    return f"url(#{prefix}-hatch-{place})"


def hatches(chart: Chart, prefix: str) -> SafeString:
    """Return the hatches that bars of a chart are filled with."""
    return element("defs", *_hatches(chart, prefix))


def bars(chart: Chart, scale: Scale, prefix: str) -> Iterator[SafeString]:
    """Yield the bars of all series, those of one slot on each other."""
    heights = {Kind.BAR: [0.0] * len(chart.slots), Kind.BELOW: [0.0] * len(chart.slots)}
    for place, series in enumerate(chart.series):
        if series.is_bars:
            drawn = _bars_of(series, heights[series.kind], scale)
            fill = filling(series, place, prefix)
            yield element("g", *drawn, class_=classes(series, place), fill=fill)


def lines(chart: Chart, scale: Scale) -> Iterator[SafeString]:
    """Yield the lines, broken at gaps; a value alone between gaps is a dot."""
    paths, dots = [], []
    for place, series in enumerate(chart.series):
        if not series.is_bars:
            names = classes(series, place)
            path = _path(series.values, scale)
            paths.append(
                element(
                    "path", d=path, class_=names, vector_effect="non-scaling-stroke"
                )
            )
            dots.append(element("g", *_dots(series.values, scale), class_=names))
    if paths:
        yield element(
            "svg",
            *paths,
            y=TOP,
            width="100%",
            height=PLOT,
            viewBox=f"0 0 {WIDTH} {PLOT}",
            preserveAspectRatio="none",
            overflow="visible",
        )
        yield joined(*dots)


def _bars_of(
    series: Series, heights: list[float], scale: Scale
) -> Iterator[SafeString]:
    """Yield the bars of one series and add them to the height of each slot."""
    width = 1 / max(1, len(series.values))
    margin = width * (1 - BAR_SHARE) / 2
    size = per_cent(width * BAR_SHARE)
    sign = -1 if series.kind is Kind.BELOW else 1
    for place, value in enumerate(series.values):
        if value:
            ends = sorted(
                scale.place(sign * height)
                for height in (heights[place], heights[place] + value)
            )
            heights[place] += value
            x, y = per_cent(place * width + margin), down(ends[0])
            height = max(1.0, round(PLOT * (ends[1] - ends[0]), 1))
            yield SafeString(
                f'<rect x="{x}" y="{y}" width="{size}" height="{height}"/>'
            )


def _runs(values: Sequence[Value]) -> Iterator[list[tuple[int, float]]]:
    """Yield the stretches between gaps: the place and value of each."""
    for is_known, run in groupby(enumerate(values), lambda one: one[1] is not None):
        if is_known:
            yield [(place, value) for place, value in run if value is not None]


def _path(values: Sequence[Value], scale: Scale) -> str:
    middle = WIDTH / len(values) if values else 0.0
    return "".join(
        "M"
        + "L".join(
            f"{(place + 0.5) * middle:.1f} {PLOT * scale.place(value):.1f}"
            for place, value in run
        )
        for run in _runs(values)
        if len(run) > 1
    )


def _dots(values: Sequence[Value], scale: Scale) -> Iterator[SafeString]:
    for run in _runs(values):
        if len(run) == 1 or len(values) < DOTTED_SLOTS:
            for place, value in run:
                yield element(
                    "circle",
                    cx=per_cent((place + 0.5) / len(values)),
                    cy=down(scale.place(value)),
                    r=2.5,
                )


def _hatches(chart: Chart, prefix: str) -> Iterator[SafeString]:
    for place, series in enumerate(chart.series):
        if filling(series, place, prefix) is not None:
            turn = ("rotate(45)", "rotate(-45)", "rotate(0)", "rotate(90)")[place % 4]
            yield element(
                "pattern",
                element("rect", width=5, height=5, class_="wfe-hatch-ground"),
                element("rect", width=2.5, height=5, class_="wfe-hatch-stroke"),
                id=f"{prefix}-hatch-{place}",
                class_=classes(series, place),
                width=5,
                height=5,
                patternUnits="userSpaceOnUse",
                patternTransform=turn,
            )
