"""States: written under a version, refused when another was first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.factories import (
    DetectorFactory,
    DetectorStateFactory,
)
from workflow_engine.models import (
    DetectorState,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)


def test_publish__first_version_then_the_next(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    detector = DetectorFactory()
    state = _state(detector.pk, version=1, streaks={"high": 1})
    assert DetectorState.objects.publish([state]) == set()
    following = _state(
        detector.pk,
        version=2,
        priority=75,
        watermark=NOW,
        episode=1_777_716_000_000_000,
        memory={"é": [1, None]},
        revision="0123456789ab",
    )

    with django_assert_num_queries(1):
        refused = DetectorState.objects.publish([following])

    assert refused == set()
    stored = DetectorState.objects.get()
    columns = [field.attname for field in DetectorState._meta.concrete_fields]
    columns.remove("id")
    assert [getattr(stored, c) for c in columns] == [
        getattr(following, c) for c in columns
    ]


@pytest.mark.parametrize("version", [1, 3, 5], ids=["new", "same", "ahead"])
def test_publish__refused_when_another_was_first(version: int) -> None:
    stored = DetectorStateFactory(version=3, subject="cart-7", priority=25)
    mine = _state(stored.detector_id, version=version, priority=75)
    other = _state(stored.detector_id, version=1, subject="cart-8")

    refused = DetectorState.objects.publish([mine, other])

    assert refused == {(stored.detector_id, "", "cart-7")}
    stored.refresh_from_db()
    assert (stored.version, stored.priority) == (3, 25)
    assert DetectorState.objects.get(subject="cart-8").version == 1


def test_publish__environments_are_apart() -> None:
    detector = DetectorFactory()
    names = ("", "staging", "production")

    refused = DetectorState.objects.publish(
        [_state(detector.pk, version=1, environment=name) for name in names]
    )

    assert refused == set()
    assert DetectorState.objects.count() == 3


def test_publish__a_key_twice_is_an_error() -> None:
    detector = DetectorFactory()
    rows = [_state(detector.pk, version=1), _state(detector.pk, version=2)]

    with pytest.raises(ValueError, match="twice"):
        DetectorState.objects.publish(rows)


def test_of__these_keys_and_no_other(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    first, second = DetectorFactory(), DetectorFactory()
    wanted = [
        DetectorStateFactory(detector=first, environment="a", subject="x"),
        DetectorStateFactory(detector=second, environment="b", subject="y"),
    ]
    DetectorStateFactory(detector=first, environment="b", subject="x")
    DetectorStateFactory(detector=second, environment="b", subject="x")

    with django_assert_num_queries(1):
        found = list(DetectorState.objects.of([row.key for row in wanted]))

    assert {row.pk for row in found} == {row.pk for row in wanted}


def test_of__no_key_is_no_row() -> None:
    DetectorStateFactory()

    assert list(DetectorState.objects.of([])) == []


def test_of__many_subjects() -> None:
    detector = DetectorFactory()
    rows = [_state(detector.pk, version=1, subject=f"cart-{n}") for n in range(1500)]
    DetectorState.objects.publish(rows)

    assert DetectorState.objects.of([row.key for row in rows]).count() == 1500


def _state(detector_id: int, **columns: Any) -> DetectorState:
    return DetectorState(
        **{"detector_id": detector_id, "subject": "cart-7", **columns},
    )
