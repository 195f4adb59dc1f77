"""Reading: what all processes counted, as a whole and slot by slot, out of one table."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from workflow_engine.metrics import figures
from workflow_engine.metrics.counts import Figure
from workflow_engine.metrics.reading import (
    Point,
    Slice,
    figures_ever,
    read,
)
from workflow_engine.metrics.windows import OFFERED, Window, window_of
from workflow_engine.models import MetricBucket
from workflow_engine.models.metric import EPOCH

NOW = datetime(2026, 6, 3, 12, 34, 56, tzinfo=UTC)
COUNTERS = ("hit", "miss")
EACH = Slice(counters=COUNTERS)
Name: TypeAlias = tuple[str, str, str]

any_figure = st.builds(
    Figure,
    scope=st.sampled_from(["a", "b", ""]),
    counter=st.sampled_from([*COUNTERS, "load"]),
    reason=st.sampled_from(["x", ""]),
    count=st.integers(1, 10**12),
    total=st.integers(0, 1000).map(float),
    highest=st.integers(0, 1000).map(float),
)
#: Before all windows, inside, on the edges of minutes, hours and days, and to come.
ages = st.one_of(
    st.integers(-7200, 9 * 86_400),
    st.sampled_from([0, 56, 57, 2096, 2097, 3600, 45_296, 45_297, 604_800]),
).map(lambda seconds: timedelta(seconds=seconds))


def of(name: str, now: datetime = NOW) -> Window:
    window = window_of(name, now)
    assert window is not None
    return window


def name_of(figure: Figure) -> Name:
    return (figure.scope, figure.counter, figure.reason)


def summed(found: Iterable[Figure]) -> dict[Name, tuple[int, float, float]]:
    """Return a plain sum by name: how often, how much, the most."""
    sums: dict[Name, tuple[int, float, float]] = {}
    for one in found:
        count, total, highest = sums.get(name_of(one), (0, 0.0, 0.0))
        sums[name_of(one)] = (
            count + one.count,
            total + one.total,
            max(highest, one.highest),
        )
    return sums


def write(*written: tuple[timedelta, Figure]) -> None:
    for age, figure in written:
        MetricBucket.objects.add([figure], NOW - age)


def hits(count: int = 1, scope: str = "a", reason: str = "x") -> Figure:
    return Figure(scope=scope, counter="hit", reason=reason, count=count)


class TestSums(TestCase):
    """What a window comes to, beside a plain sum of what was counted in it."""

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(st.tuples(ages, any_figure), max_size=12), st.sampled_from([*OFFERED])
    )
    def test_read__whole_and_slots_come_to_the_plain_sum(
        self, written: list[tuple[timedelta, Figure]], name: str
    ) -> None:
        window = of(name)
        write(*written)

        found = read("default", window, EACH)

        end = end_of_present(window)
        inside = [one for age, one in written if window.since <= NOW - age < end]
        assert summed(found.figures) == summed(inside)
        assert summed(point.figure for point in found.points[0]) == summed(
            one for one in inside if one.counter in COUNTERS
        )
        assert {point.at for point in found.points[0]} <= set(window.slots())


def end_of_present(window: Window) -> datetime:
    """Return when the row of now ends: what a faster clock wrote in it stands in it."""
    length = timedelta(minutes=1) if window.size == "minute" else timedelta(hours=1)
    return EPOCH + (window.until - EPOCH) // length * length + length


@pytest.mark.django_db
@pytest.mark.parametrize("name", OFFERED)
def test_read__nothing_of_a_time_to_come(name: str) -> None:
    write((timedelta(0), hits(3)), (timedelta(hours=-30), hits(100)))

    found = read("default", of(name), EACH)

    assert found.figures == [hits(3)]
    assert [point.figure for point in found.points[0]] == [hits(3)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("8h", {"minute": 24, "hour": 2}),
        ("7d", {"hour": 168, "day": 24}),
        ("7d", {"hour": 24, "day": 168}),
    ],
)
def test_read__larger_rows_that_are_not_kept_are_not_missed(
    name: str, kept: dict[str, int]
) -> None:
    with override_settings(WORKFLOW_ENGINE={"METRICS_RETAIN_HOURS": kept}):
        window = of(name)
        whole = window.until - window.since
        write(*((age, hits(1)) for age in (whole, whole / 2, timedelta(0))))
        figures.expired("default", NOW).delete()

        found = read("default", window, EACH)

    assert found.figures == [hits(3)]
    assert sum(point.figure.count for point in found.points[0]) == 3


@pytest.mark.django_db
def test_read__edges_of_slots() -> None:
    window = of("8h")
    for seconds in (0, 299, 300, 599):
        at = window.since + timedelta(seconds=seconds)
        MetricBucket.objects.add([hits(seconds + 1)], at)
    MetricBucket.objects.add([hits(7)], window.since - timedelta(microseconds=1))

    (points,) = read("default", window, EACH).points

    assert sorted((point.at, point.figure.count) for point in points) == [
        (window.since, 1 + 300),
        (window.since + timedelta(minutes=5), 301 + 600),
    ]


@pytest.mark.django_db
def test_read__slices_keep_apart_what_they_are_asked_to() -> None:
    now = timedelta(0)
    write((now, hits(1, "a", "x")), (now, hits(2, "a", "y")), (now, hits(4, "b", "y")))

    points = read(
        "default",
        of("1h"),
        Slice(counters=COUNTERS, by_reason=False),
        Slice(counters=COUNTERS, by_scope=False),
        Slice(counters=COUNTERS, by_scope=False, by_reason=False),
        Slice(counters=COUNTERS, scopes=("b",)),
        Slice(counters=("miss",)),
    ).points

    assert [sorted(map(shown, part)) for part in points] == [
        ["a.hit. 3", "b.hit. 4"],
        [".hit.x 1", ".hit.y 6"],
        [".hit. 7"],
        ["b.hit.y 4"],
        [],
    ]


def shown(point: Point) -> str:
    return f"{'.'.join(name_of(point.figure))} {point.figure.count}"


@pytest.mark.django_db
def test_read__one_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        read("default", of("7d"), EACH, EACH)


@pytest.mark.django_db
def test_figures_ever__adds_days_to_what_was_before() -> None:
    write((timedelta(days=2), hits(2)), (timedelta(0), hits(3)))
    MetricBucket.objects.create(
        size="ever", at=EPOCH, scope="a", counter="hit", reason="x", count=100
    )

    assert figures_ever("default") == [hits(105)]


@pytest.mark.django_db
@pytest.mark.parametrize("name", OFFERED)
def test_read__finds_its_rows_by_the_index(name: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        read("default", of(name), EACH)
    (statement,) = (query["sql"] for query in queries)

    plan = plan_of(statement)

    if connection.vendor == "postgresql":
        conditions = [line for line in plan if "Index Cond" in line]
        assert not any("Seq Scan" in line for line in plan), plan
    else:
        conditions = [line for line in plan if "SEARCH" in line]
        assert not any("SCAN" in line for line in plan), plan
    assert len(conditions) >= 2
    assert all("size" in line and "at >" in line for line in map(spaced, conditions))


def spaced(line: str) -> str:
    """Return a line of a plan with each comparison written in the same way."""
    return line.replace("at>", "at >")


def plan_of(statement: str) -> list[str]:
    """Return how the database would find the rows if there were many."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {statement}")
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        return [str(row[-1]) for row in cursor.fetchall()]
