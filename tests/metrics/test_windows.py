"""Window: slots on the clock, up to now, told by the smallest rows that are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.metrics.windows import OFFERED, Window, window_of, window_over

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)

moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - the zone comes from `timezones`
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def of(name: str, now: datetime) -> Window:
    window = window_of(name, now)
    assert window is not None
    return window


@pytest.mark.parametrize(
    ("name", "now", "since", "last", "number"),
    [
        ("1h", NOON, "11:01", "12:00", 60),
        ("1h", NOON - TICK, "11:00", "11:59", 60),
        ("1h", NOON + timedelta(seconds=59), "11:01", "12:00", 60),
        ("8h", NOON, "04:05", "12:00", 96),
        ("8h", NOON - TICK, "04:00", "11:55", 96),
        ("8h", NOON + timedelta(minutes=4, seconds=59), "04:05", "12:00", 96),
        ("8h", NOON + timedelta(minutes=5), "04:10", "12:05", 96),
        ("24h", NOON, "13:00", "12:00", 24),
        ("24h", NOON - TICK, "12:00", "11:00", 24),
        ("7d", NOON, "13:00", "12:00", 168),
        ("7d", NOON - TICK, "12:00", "11:00", 168),
    ],
)
def test_window__slots_lie_on_the_clock_and_the_present_one_counts(
    name: str, now: datetime, since: str, last: str, number: int
) -> None:
    slots = list(of(name, now).slots())

    assert len(slots) == number
    assert f"{slots[0]:%H:%M}" == since
    assert f"{slots[-1]:%H:%M}" == last
    assert {at.tzinfo for at in slots} == {UTC}


def test_window__of_a_moment_in_another_zone() -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=45)))

    assert of("24h", there).since == of("24h", NOON).since
    assert list(of("24h", there).slots()) == list(of("24h", NOON).slots())


def test_window__that_nobody_offers() -> None:
    assert window_of("9h", NOON) is None


@given(moments, st.sampled_from(sorted(OFFERED)))
def test_window__covers_its_span_but_for_a_part_of_the_present_slot(
    now: datetime, name: str
) -> None:
    span, slot = OFFERED[name]

    window = of(name, now)

    assert span - slot <= now - window.since < span
    assert [*window.slots()][-1] <= now < [*window.slots()][-1] + slot


@given(moments, st.integers(min_value=1, max_value=700_000))
def test_window_over__any_span_in_whole_slots(now: datetime, seconds: int) -> None:
    span = timedelta(seconds=seconds)

    window = window_over("some", span, now)

    slots = list(window.slots())
    assert span <= len(slots) * window.slot < span + window.slot
    assert (slots[0] - datetime(1970, 1, 1, tzinfo=UTC)) % window.slot == timedelta(0)
    assert slots[-1] <= now < slots[-1] + window.slot


@pytest.mark.parametrize(
    ("kept", "sizes"),
    [
        ({}, "minute minute hour hour"),
        ({"minute": 168}, "minute minute hour hour"),
        ({"minute": 8}, "minute minute hour hour"),
        ({"minute": 7}, "minute hour hour hour"),
        ({"minute": 1, "hour": 24}, "minute hour hour day"),
        ({"minute": 1, "hour": 1}, "minute day day day"),
    ],
    ids=str,
)
def test_window__told_by_the_smallest_rows_that_are_kept(
    kept: dict[str, int], sizes: str
) -> None:
    with override_settings(WORKFLOW_ENGINE={"METRICS_RETAIN_HOURS": kept}):
        windows = [of(name, NOON) for name in OFFERED]

    assert " ".join(one.size for one in windows) == sizes
    for window in windows:
        least = {"minute": "0:01:00", "hour": "1:00:00", "day": "1 day, 0:00:00"}
        assert window.slot >= OFFERED[window.name][1]
        assert str(window.slot) == least[window.size] or window.name == "8h"
