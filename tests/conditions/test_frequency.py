import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conditions.builders import AT, an_event, condition
from workflow_engine import registry
from workflow_engine.conditions.base import Question, ask_slow
from workflow_engine.conditions.frequency import bucket_of, buckets_of, step_of

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
        bucket_of(AT, 60) - 1
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


@pytest.mark.parametrize(
    ("op", "count", "holds"),
    [
        ("gte", 2, False),
        ("gte", 3, True),
        ("gt", 3, False),
        ("gt", 4, True),
        ("lt", 3, False),
        ("lt", 2, True),
        ("lte", 3, True),
        ("lte", 4, False),
        ("eq", 3, True),
        ("eq", 4, False),
    ],
)
def test_frequency__compares_the_count(op, count, holds):
    asking = condition("frequency", None, 3, period=60, op=op)
    question = Question.of(asking, an_event(), counter=lambda asked: count)

    answers = ask_slow("frequency", [question])

    assert answers == {question: holds}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"period": 0}, "period: 0 is less than the minimum of 1"),
        ({"period": 604_801}, "period: 604801 is greater than the maximum"),
        ({"period": 1.5}, "period: 1.5 is not of type 'integer'"),
        ({"op": "near"}, "op: 'near' is not one of"),
        ({"value": "3"}, "value: '3' is not of type 'integer'"),
        ({"path": "data"}, "Additional properties"),
    ],
)
def test_frequency__refused_on_save(change, said):
    config = {"period": 60, "op": "gte", "value": 3, **change}

    (problem,) = registry.conditions.problems("frequency", config)

    assert said in problem


def test_frequency__is_slow_and_never_in_a_trigger():
    entry = registry.conditions.get("frequency")

    assert entry is not None
    assert entry.slow
    assert entry.roles == {"when", "if"}
    assert entry.problems({"period": 604_800, "op": "gte", "value": 0}) == []
