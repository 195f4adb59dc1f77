"""Drawing: a chart as markup: picture, legend, and its numbers as a table."""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from workflow_engine.admin.charts import axes
from workflow_engine.admin.charts.axes import Scale
from workflow_engine.admin.charts.chart import Chart
from workflow_engine.admin.charts.layout import (
    BOTTOM,
    HEIGHT,
    MOMENTS,
    PLOT,
    TOP,
    down,
)
from workflow_engine.admin.charts.markup import element, joined, per_cent
from workflow_engine.admin.charts.shapes import bars, hatches, lines
from workflow_engine.admin.charts.told import Told, told_of
from workflow_engine.admin.charts.words import legend, numbers, slot_texts

#: Names of marks longer than this are cut in the picture; the legend has them whole.
MOST_LETTERS = 24

#: From here on the name of a mark stands to the left of its line.
FAR_RIGHT = 0.75


def draw(chart: Chart) -> SafeString:
    """Return a figure: inline SVG without style and script, a legend, and a table."""
    prefix = f"wfe-{crc32((chart.name or chart.title).encode()):08x}"
    unit = element("span", chart.unit, class_="wfe-unit") if chart.unit else ""
    told = told_of(chart)
    return element(
        "figure",
        element("figcaption", element("strong", chart.title), " ", unit),
        _picture(chart, prefix, told),
        legend(chart, prefix),
        numbers(chart, told),
        class_="wfe-chart",
        data_chart=chart.name,
    )


def _picture(chart: Chart, prefix: str, told: Told) -> SafeString:
    scale = axes.scale_of(chart)
    return element(
        "svg",
        element("title", chart.title, id=f"{prefix}-title"),
        element("desc", chart.description, id=f"{prefix}-desc"),
        hatches(chart, prefix),
        *_grid(chart, scale),
        *_moments(chart),
        *bars(chart, scale, prefix),
        *lines(chart, scale),
        *_marks(chart),
        *_slots(chart, told),
        role="img",
        aria_labelledby=f"{prefix}-title {prefix}-desc",
        width="100%",
        height=HEIGHT,
        overflow="visible",
    )


def _grid(chart: Chart, scale: Scale) -> Iterator[SafeString]:
    """Yield the axis of values, the line of nothing the strongest."""
    for number in scale.numbers():
        y = down(scale.place(number))
        name = "wfe-grid" if number else "wfe-base"
        yield element("line", x1=0, x2="100%", y1=y, y2=y, class_=name)
        yield element(
            "text", axes.label(chart, number), x=-8, y=y + 4, class_="wfe-value"
        )
    if not chart.known:
        words = _("No figures in this window")
        middle = TOP + PLOT / 2
        yield element("text", words, x="50%", y=middle, class_="wfe-nothing")


def _moments(chart: Chart) -> Iterator[SafeString]:
    for count, moment in enumerate(axes.moments_of(chart)):
        x = per_cent(moment.place)
        spare = " wfe-spare" if count % 2 else ""
        yield element(
            "line", x1=x, x2=x, y1=BOTTOM, y2=BOTTOM + 5, class_=f"wfe-tick{spare}"
        )
        yield element("text", moment.text, x=x, y=MOMENTS, class_=f"wfe-moment{spare}")


def _marks(chart: Chart) -> Iterator[SafeString]:
    """Yield each mark that is in sight, its name above the values, on two heights in turn."""
    places = [(chart.place(mark.at), mark) for mark in chart.marks]
    seen = [(place, mark) for place, mark in places if place is not None]
    for count, (place, mark) in enumerate(seen):
        x = per_cent(place)
        name = mark.name
        if len(name) > MOST_LETTERS:
            name = f"{name[: MOST_LETTERS - 1]}…"
        side = "wfe-left" if place > FAR_RIGHT else "wfe-right"
        y = TOP - 4 - 12 * (count % 2)
        yield joined(
            element("line", x1=x, x2=x, y1=y - 8, y2=BOTTOM, class_="wfe-release"),
            element(
                "text",
                name,
                x=x,
                y=y,
                dx=-4 if place > FAR_RIGHT else 4,
                class_=f"wfe-release-name {side}",
            ),
        )


def _slots(chart: Chart, told: Told) -> Iterator[SafeString]:
    """Yield a surface over each slot that says its numbers when it is pointed at."""
    if not chart.known:
        return
    width = 1 / len(chart.slots)
    size = f'y="{TOP}" width="{per_cent(width)}" height="{PLOT}"'
    last = len(chart.slots) - 1 if chart.is_open else None
    for place, text in enumerate(slot_texts(chart, told)):
        x = per_cent(place * width)
        name = "wfe-slot wfe-open" if place == last else "wfe-slot"
        yield SafeString(
            f'<rect x="{x}" {size} class="{name}"><title>{text}</title></rect>'
        )
