"""Charts: gaps are gaps, letters beside colours, nothing inline, and the same numbers below."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import inf, nan
from typing import Any
from xml.etree.ElementTree import fromstring
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from workflow_engine.admin.charts import Chart, Kind, Mark, Series, draw
from workflow_engine.admin.charts.axes import moments_of, scale_of

START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def slots(number: int, length: timedelta = MINUTE) -> list[datetime]:
    return [START + length * place for place in range(number)]


def chart(*values: Sequence[float | None], **fields: Any) -> Chart:
    kind = fields.pop("kind", Kind.LINE)
    series = [
        Series(name=f"series {place}", values=one, kind=kind)
        for place, one in enumerate(values)
    ]
    given = {
        "title": "Reads",
        "description": "How many.",
        "slots": slots(len(values[0])),
    }
    return Chart(series=series, **(given | fields))


def drawn(one: Chart) -> Any:
    """Return the figure; what is not well-formed is refused."""
    return fromstring(draw(one))  # noqa: S314 - our own markup


def lines(figure: Any) -> list[str]:
    return [path.get("d") for path in figure.findall("./svg/svg/path")]


def rows(figure: Any) -> list[list[str]]:
    found = figure.findall("./details//tbody/tr")
    return [[cell.text for cell in row.findall("td")] for row in found]


def test_draw__gap_breaks_the_line() -> None:
    figure = drawn(chart([1, 2, None, 3, 4]))

    assert lines(figure) == ["M100.0 123.0L300.0 82.0M700.0 41.0L900.0 0.0"]
    assert rows(figure) == [["1"], ["2"], ["-"], ["3"], ["4"]]


def test_draw__value_alone_between_gaps_is_a_dot() -> None:
    values = [1.0, 1.0, *[None] * 20, 4.0, *[None] * 20]

    figure = drawn(chart(values))

    (path,), (dot,) = lines(figure), figure.findall("./svg/g/circle")
    assert path.count("M") == 1
    assert dot.get("cy") == "22.0"


def test_draw__bars_stand_on_each_other() -> None:
    figure = drawn(chart([1, 0, None], [3, 4, None], kind=Kind.BAR))

    first, second = (
        [(bar.get("y"), bar.get("height")) for bar in group.findall("rect")]
        for group in figure.findall("./svg/g")
    )
    assert first == [("145.0", "41.0")]
    assert second == [("22.0", "123.0"), ("22.0", "164.0")]


def test_draw__bars_below_the_line_of_nothing() -> None:
    above = Series(name="fired", values=[3, 1], kind=Kind.BAR)
    below = Series(name="failed", values=[0, 2], kind=Kind.BELOW, is_bad=True)

    one = Chart(title="Fired", description="", slots=slots(2), series=[above, below])

    base = drawn(one).find("./svg/line[@class='wfe-base']").get("y1")
    (bar,) = drawn(one).findall("./svg/g[2]/rect")
    assert bar.get("y") == base
    assert list(scale_of(one).numbers()) == [-2, 0, 2, 4]


@pytest.mark.parametrize("number", [0, 1, 24, 60, 168])
@pytest.mark.parametrize("value", [None, 0, 0.004, 1, 7e18], ids=str)
@pytest.mark.parametrize("kind", Kind)
def test_draw__any_number_of_any_values(number: int, value: Any, kind: Kind) -> None:
    figure = drawn(chart([value] * number, [value] * number, kind=kind))

    assert len(rows(figure)) == number
    assert ("No figures" in draw(chart([value] * number))) == (
        value is None or number == 0
    )


@pytest.mark.parametrize("value", [nan, inf, -1.0], ids=str)
def test_chart__refuses_what_cannot_be_drawn(value: float) -> None:
    with pytest.raises(ValueError, match="cannot be drawn"):
        chart([1.0, value])


def test_chart__refuses_values_without_a_slot() -> None:
    with pytest.raises(ValueError, match="2 values for 3 slots"):
        chart([1.0, 2.0], slots=slots(3))


def test_draw__has_words_for_who_cannot_see_it() -> None:
    figure = drawn(chart([1, 2], [3, 4]))

    picture = figure.find("./svg")
    named = {part.get("id"): part.text for part in picture.iter() if part.get("id")}
    assert picture.get("role") == "img"
    title, description = picture.get("aria-labelledby").split()
    assert (named[title], named[description]) == ("Reads", "How many.")
    legend = ["".join(one.itertext()).strip() for one in figure.findall("./ul/li")]
    assert legend == ["series 0", "series 1"]


@pytest.mark.parametrize("kind", Kind)
def test_draw__no_two_series_differ_by_colour_alone(kind: Kind) -> None:
    figure = drawn(chart([1], [1], [1], [1], kind=kind))

    samples = figure.findall("./ul/li/svg/g")
    forms = {
        (re.sub(r"wfe-tone-\d", "", one.get("class")), one.get("fill"))
        for one in samples
    }
    assert len(forms) == 4


def test_draw__nothing_inline_and_everything_escaped() -> None:
    evil = "<script>\"'&"
    one = chart([1], title=evil, description=evil, unit=evil, name=evil)
    one = Chart(**{**vars(one), "marks": [Mark(at=START, name=evil)]})

    markup = draw(one)

    assert not re.search(r"<(script|style)|\bstyle=|\bon\w+=", markup)
    assert drawn(one).get("data-chart") == evil


def test_draw__marks_in_sight_have_a_line_and_their_name() -> None:
    marks = [
        Mark(at=START + 5 * MINUTE, name="0.2.0"),
        Mark(at=START - MINUTE, name="0.1.0"),
    ]

    figure = drawn(chart([1] * 10, marks=marks))

    (line,) = figure.findall("./svg/line[@class='wfe-release']")
    assert line.get("x1") == "50%"
    assert "0.2.0" in "".join(figure.find("./ul").itertext())
    assert "0.1.0" not in draw(chart([1] * 10, marks=marks))


def test_draw__shares_are_in_per_cent_up_to_all() -> None:
    figure = drawn(chart([0.5, 0.99996, 1.0, 0.0], is_share=True))

    assert [row[0] for row in rows(figure)] == [
        "50.0\u00a0%",
        ">\u00a099.9\u00a0%",
        "100.0\u00a0%",
        "0.0\u00a0%",
    ]
    numbers = [one.text for one in figure.findall("./svg/text[@class='wfe-value']")]
    assert numbers == ["0\u00a0%", "25\u00a0%", "50\u00a0%", "75\u00a0%", "100\u00a0%"]


@pytest.mark.parametrize(
    ("highest", "expected"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (7, [0, 2, 4, 6, 8]),
        (12480, [0, 5000, 10000, 15000]),
    ],
)
def test_scale__of_whole_numbers_is_round(highest: int, expected: list[float]) -> None:
    scale = scale_of(chart([0, highest]))

    assert list(scale.numbers()) == expected


@pytest.mark.parametrize(
    ("number", "length", "expected"),
    [
        (60, MINUTE, ["13:00", "13:10", "13:20", "13:30", "13:40", "13:50"]),
        (
            24,
            HOUR,
            ["15:00", "18:00", "21:00", "26 Nov", "03:00", "06:00", "09:00", "12:00"],
        ),
        (
            168,
            HOUR,
            ["26 Nov", "27 Nov", "28 Nov", "29 Nov", "30 Nov", "1 Dec", "2 Dec"],
        ),
    ],
    ids=["hour", "day", "week"],
)
def test_moments__are_round_in_the_zone_of_the_viewer(
    number: int, length: timedelta, expected: list[str]
) -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        found = moments_of(chart([1] * number, slots=slots(number, length)))

    assert [one.text for one in found] == expected


def test_moments__stand_where_they_are_between_slots() -> None:
    odd = [START - timedelta(minutes=57) + 5 * MINUTE * place for place in range(12)]

    with timezone.override(UTC):
        found = moments_of(chart([1] * 12, slots=odd))

    assert [(one.text, round(one.place * 60)) for one in found][:2] == [
        ("11:10", 7),
        ("11:20", 17),
    ]


def test_draw__the_day_the_clock_is_set_back() -> None:
    sunday = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    hours = [sunday + HOUR * place for place in range(25)]

    with timezone.override(ZoneInfo("Europe/Berlin")):
        figure = drawn(chart([1] * 25, slots=hours))

    at = figure.findall("./details//time")
    assert at[2].get("title") == "2026-10-25 00:00:00 UTC"
    assert (
        "".join(at[2].itertext()) == "".join(at[3].itertext()) == "2026-10-25 02:00:00"
    )


@pytest.mark.parametrize(
    ("until", "is_open"),
    [(START + 2.5 * MINUTE, True), (START + 3 * MINUTE, False), (None, False)],
    ids=["not over", "over", "not said"],
)
def test_draw__last_slot_is_not_over(until: datetime | None, is_open: bool) -> None:
    with timezone.override(UTC):
        figure = drawn(chart([1, 2, 3], until=until))

    surfaces = figure.findall("./svg/rect")
    texts = [one.find("title").text.splitlines()[0] for one in surfaces]
    assert [one.get("class") for one in surfaces[:2]] == ["wfe-slot", "wfe-slot"]
    assert ("wfe-open" in surfaces[-1].get("class")) is is_open
    assert texts == ["12:00", "12:01", f"12:02{', not over yet' if is_open else ''}"]


def test_draw__unit_and_the_top_that_was_asked_for() -> None:
    one = chart([0.5, 12_480], unit="ms", top=40_000)

    (number, *_rest) = drawn(one).findall("./svg/rect/title")
    assert number.text.endswith("series 0: 0.50\u00a0ms")
    assert rows(drawn(one))[1] == ["12\u202f480\u00a0ms"]
    assert list(scale_of(one).numbers())[-1] == 40_000
