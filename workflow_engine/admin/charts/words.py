"""Words: what a chart says in letters: its legend, its numbers, one slot of it."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from workflow_engine.admin.charts.chart import Chart, Mark, Series
from workflow_engine.admin.charts.markup import element, plain
from workflow_engine.admin.charts.shapes import classes, filling
from workflow_engine.admin.charts.told import Told
from workflow_engine.admin.moments import moment


def legend(chart: Chart, prefix: str) -> SafeString:
    """Return a list of the series, each with a sample, and of the marks in sight."""
    marks = [mark for mark in chart.marks if chart.place(mark.at) is not None]
    return element(
        "ul",
        *(_of_series(one, place, prefix) for place, one in enumerate(chart.series)),
        *(_of_mark(mark) for mark in marks),
        class_="wfe-legend",
    )


def numbers(chart: Chart, told: Told) -> SafeString:
    """Return the same numbers as a table, folded away."""
    heads = [element("th", one.name, scope="col") for one in chart.series]
    table = element(
        "table",
        element("caption", chart.title),
        element("thead", element("tr", element("th", _("from"), scope="col"), *heads)),
        element("tbody", *_rows(told)),
        class_="wfe-figures",
    )
    region = element(
        "div",
        table,
        class_="wfe-scroll",
        role="region",
        tabindex=0,
        aria_label=chart.title,
    )
    return element("details", element("summary", _("The numbers as a table")), region)


def slot_texts(chart: Chart, told: Told) -> Iterator[SafeString]:
    """Yield the numbers of each slot, in one line for each series."""
    names = [plain(one.name) for one in chart.series]
    for moment_text, values in zip(told.moments, told.values, strict=True):
        lines = [f"{n}: {value}" for n, value in zip(names, values, strict=True)]
        yield SafeString("\n".join([moment_text, *lines]))


def _rows(told: Told) -> Iterator[SafeString]:
    for stamp, values in zip(told.stamps, told.values, strict=True):
        cells = "".join(f"<td>{value}</td>" for value in values)
        yield SafeString(f'<tr><th scope="row">{stamp}</th>{cells}</tr>')


def _of_series(series: Series, place: int, prefix: str) -> SafeString:
    names = classes(series, place)
    fill = filling(series, place, prefix)
    if series.is_bars:
        sample = element("rect", x=0, y=2, width=20, height=9, fill=fill)
    else:
        sample = element("path", d="M0 6.5H22")
    picture = element(
        "svg",
        element("g", sample, class_=names, fill=fill),
        width=22,
        height=13,
        aria_hidden="true",
        focusable="false",
    )
    return element("li", picture, " ", series.name)


def _of_mark(mark: Mark) -> SafeString:
    line = element("line", x1=11, x2=11, y1=0, y2=13, class_="wfe-release")
    picture = element(
        "svg", line, width=22, height=13, aria_hidden="true", focusable="false"
    )
    return element("li", picture, " ", mark.name, " ", moment(mark.at))
