import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.types.buckets import begin_of, bucket_of, buckets_of, step_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(seconds):
    return EPOCH + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("period", "step"),
    [
        (1, 1),
        (59, 1),
        (60, 1),
        (61, 1),
        (119, 1),
        (120, 2),
        (3600, 60),
        (604_800, 10_080),
    ],
)
def test_step_of__a_sixtieth(period, step):
    assert step_of(period) == step


@pytest.mark.parametrize(("second", "count"), [(59, 2), (60, 1)])
def test_buckets_of__half_open_minute(second, count):
    events = [at(0), at(second)]
    step, first, last = buckets_of(60, at(second))

    counted = [e for e in events if first <= bucket_of(e, step) <= last]

    assert len(counted) == count


def test_bucket_of__before_the_epoch_and_to_the_microsecond():
    assert bucket_of(at(-0.000001), 1) == -1
    assert bucket_of(datetime(2026, 5, 2, 9, 59, 59, 999_999, tzinfo=UTC), 60) == (
        bucket_of(datetime(2026, 5, 2, 10, 0, tzinfo=UTC), 60) - 1
    )


@given(
    period=st.integers(1, 604_800),
    now=st.integers(0, 2 * 10**9),
    ages=st.lists(st.integers(0, 700_000), max_size=20),
)
def test_buckets_of__against_counting_by_hand(period, now, ages):
    times = [now - age for age in ages]
    step, first, last = buckets_of(period, at(now))

    counted = sum(first <= bucket_of(at(t), step) <= last for t in times)

    # By hand, in seconds: the buckets begin at whole multiples of the step.
    begin = (now // step - math.ceil(period / step) + 1) * step
    assert counted == sum(begin <= t for t in times)
    assert now - period - step < begin <= now - period + step
    if period <= 60:
        assert counted == sum(now - period < t for t in times)


@given(step=st.integers(1, 10_080), bucket=st.integers(-1000, 10**6))
def test_begin_of__first_moment_of_its_bucket(step, bucket):
    begin = begin_of(bucket, step)

    assert bucket_of(begin, step) == bucket
    assert bucket_of(begin - timedelta(microseconds=1), step) == bucket - 1
