"""Counts: added to, and summed for many questions in one query."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from workflow_engine.models import (
    Bucket,
    CountQuestion,
    EventCount,
)

pytestmark = pytest.mark.django_db


def test_add__inserts_adds_and_merges(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    first, second = _bucket(bucket=1), _bucket(bucket=2)
    EventCount.objects.add([(first, 4)])

    with django_assert_num_queries(1):
        EventCount.objects.add([(second, 1), (first, 2), (second, 1)])

    assert dict(EventCount.objects.values_list("bucket", "count")) == {1: 6, 2: 2}


def test_totals__many_questions_in_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    EventCount.objects.add(
        [
            *((_bucket(bucket=n), 1) for n in range(10)),
            (_bucket(bucket=3, environment="staging"), 100),
            (_bucket(bucket=3, subject="cart-8"), 1000),
            (_bucket(bucket=3, step=60), 10_000),
            (_bucket(bucket=3, counter="condition:13"), 100_000),
        ]
    )
    answers = {
        _question(2, 4): 3,
        _question(0, 9): 10,
        _question(9, 9): 1,
        _question(10, 20): 0,
        _question(3, 3, environment="staging"): 100,
        _question(0, 9, subject="cart-8"): 1000,
        _question(0, 9, step=60): 10_000,
        _question(0, 9, counter="condition:13"): 100_000,
        _question(0, 9, counter="condition:14"): 0,
    }

    with django_assert_num_queries(1):
        totals = EventCount.objects.totals(answers)

    assert totals == answers


def test_totals__no_question_costs_nothing(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        assert EventCount.objects.totals([]) == {}


@pytest.mark.postgres
def test_totals__each_question_reads_its_own_slices() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO workflow_engine_eventcount"
            " (counter, environment, subject, step, bucket, count)"
            " SELECT 'condition:12', '', 'cart-' || n % 50, 1, n / 50, 1"
            " FROM generate_series(0, 19999) AS n"
        )
        cursor.execute("ANALYZE workflow_engine_eventcount")
    with CaptureQueriesContext(connection) as asked:
        EventCount.objects.totals([_question(5, 9), _question(7, 12)])

    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + asked.captured_queries[0]["sql"].replace("%", "%%"))
        plan = "\n".join(line for (line,) in cursor.fetchall())

    conditions = [line for line in plan.splitlines() if "Index Cond" in line]
    assert "wfe_count_bucket" in plan, plan
    assert len(conditions) == 1, plan
    assert all(word in conditions[0] for word in ("counter", "step", "bucket >=")), plan


def _bucket(**columns: Any) -> Bucket:
    given = {
        "counter": "condition:12",
        "environment": "",
        "subject": "cart-7",
        "step": 1,
    }
    return Bucket(**{**given, **columns})


def _question(first: int, last: int, **columns: Any) -> CountQuestion:
    given = {
        "counter": "condition:12",
        "environment": "",
        "subject": "cart-7",
        "step": 1,
    }
    return CountQuestion(**{**given, **columns}, first_bucket=first, last_bucket=last)
