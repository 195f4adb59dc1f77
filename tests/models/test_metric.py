"""Figures in their table: added to by many, folded into what was ever counted."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from tests.queue.threads import (
    LIMIT_SECONDS,
    elsewhere,
    wait_until_somebody_waits,
)
from workflow_engine.models import MetricBucket
from workflow_engine.models.metric import EPOCH, Size

pytestmark = pytest.mark.django_db

MOMENT = datetime(2026, 5, 2, 10, 20, 30, tzinfo=UTC)
MINUTE = MOMENT.replace(second=0)
HOUR = MINUTE.replace(minute=0)
DAY = HOUR.replace(hour=0)


@dataclass(frozen=True, kw_only=True)
class Figure:
    scope: str = "workflows"
    counter: str = "lag"
    reason: str = ""
    count: int = 1
    total: float = 0.0
    highest: float = 0.0


def rows(*sizes: Size) -> list[tuple[object, ...]]:
    return list(
        MetricBucket.objects.filter(size__in=sizes)
        .order_by("size", "at", "counter")
        .values_list("at", "counter", "reason", "count", "total", "highest")
    )


def test_add__inserts_adds_and_keeps_the_most(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    one = Figure(count=2, total=5.0, highest=4.0)
    hits = Figure(counter="hit", reason="near", count=7)
    MetricBucket.objects.add([one], MOMENT)

    with django_assert_num_queries(1):
        MetricBucket.objects.add([hits, replace(one, total=3.0, highest=2.0)], MOMENT)
    MetricBucket.objects.add([replace(one, highest=9.0)], MOMENT + timedelta(hours=1))

    assert rows(Size.MINUTE) == [
        (MINUTE, "hit", "near", 7, 0.0, 0.0),
        (MINUTE, "lag", "", 4, 8.0, 4.0),
        (MINUTE + timedelta(hours=1), "lag", "", 2, 5.0, 9.0),
    ]
    assert rows(Size.DAY) == [
        (DAY, "hit", "near", 7, 0.0, 0.0),
        (DAY, "lag", "", 6, 13.0, 9.0),
    ]


def test_add__a_clock_that_is_behind() -> None:
    MetricBucket.objects.add([Figure()], MOMENT)
    MetricBucket.objects.add([Figure()], MOMENT + timedelta(minutes=50))

    MetricBucket.objects.add([Figure(count=5)], MOMENT)

    hour = timedelta(hours=1)
    assert [(one[0], one[3]) for one in rows(Size.MINUTE)] == [
        (MINUTE, 6),
        (MINUTE + timedelta(minutes=50), 1),
    ]
    assert [(one[0], one[3]) for one in rows(Size.HOUR)] == [
        (HOUR, 6),
        (HOUR + hour, 1),
    ]
    assert [(one[0], one[3]) for one in rows(Size.DAY)] == [(DAY, 7)]


def test_add__of_nothing() -> None:
    MetricBucket.objects.add([], MOMENT)

    assert MetricBucket.objects.count() == 0


def test_add__names_that_are_the_same_once_they_are_cut() -> None:
    long = "x" * 64

    MetricBucket.objects.add([Figure(reason=f"{long}{end}") for end in "abc"], MOMENT)

    assert rows(Size.DAY) == [(DAY, "lag", long, 3, 0.0, 0.0)]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_add__two_at_once_in_opposite_orders() -> None:
    figures = [Figure(counter=f"c{number:02}") for number in range(20)]
    MetricBucket.objects.add(figures, MOMENT)
    together = threading.Barrier(3, timeout=LIMIT_SECONDS)

    def add(in_order: list[Figure]) -> None:
        connection.ensure_connection()
        together.wait()
        for _ in range(10):
            MetricBucket.objects.add(in_order, MOMENT)

    # Somebody holds a row in the middle until both have come to it or wait before it.
    with transaction.atomic():
        held = MetricBucket.objects.select_for_update()
        held.get(size=Size.HOUR, counter="c10")
        adders = [
            elsewhere(lambda: add(figures)),
            elsewhere(lambda: add(figures[::-1])),
        ]
        together.wait()
        wait_until_somebody_waits(2)
    for adder in adders:
        adder.result(LIMIT_SECONDS)

    assert {one[3] for one in rows(Size.MINUTE, Size.HOUR, Size.DAY)} == {21}


def test_add__locks_rows_in_the_order_of_their_key() -> None:
    figures = [Figure(counter=f"c{number}") for number in (3, 1, 2)]

    MetricBucket.objects.add(figures, MOMENT)

    written = MetricBucket.objects.order_by("pk").values_list("size", "counter")
    if connection.vendor == "postgresql":
        assert all(one < other for one, other in pairwise(written))
    assert len(written) == 9


@pytest.mark.django_db(transaction=True)
def test_migrate__backwards_with_what_was_flushed_and_forwards() -> None:
    # At midnight all of them stand at one moment.
    MetricBucket.objects.add([Figure(count=2, total=5.0, highest=4.0)], DAY)
    ever = {"size": Size.EVER, "at": EPOCH, "scope": "workflows", "counter": "lag"}
    MetricBucket.objects.create(**ever, count=7)

    try:
        call_command("migrate", "workflow_engine", "0002", verbosity=0)
    finally:
        call_command("migrate", "workflow_engine", verbosity=0)

    assert rows(*Size) == [(DAY, "lag", "", 2, 5.0, 4.0)]
    assert MetricBucket.objects.get().size == "minute"


def test_fold__days_are_added_to_what_was_ever_counted() -> None:
    one = Figure(count=2, total=5.0, highest=4.0)
    for days in range(3):
        MetricBucket.objects.add([one], MOMENT + timedelta(days=days))
    old = MetricBucket.objects.filter(at__lt=DAY + timedelta(days=2))

    ids = [
        list(old.filter(at__lt=DAY + timedelta(days=1)).values_list("pk", flat=True))
    ]
    ids.append(list(old.exclude(pk__in=ids[0]).values_list("pk", flat=True)))
    gone = [MetricBucket.objects.fold(some) for some in ids]

    assert gone == [3, 3]
    assert rows(Size.EVER) == [(EPOCH, "lag", "", 4, 10.0, 4.0)]
    assert len(rows(Size.DAY)) == 1
