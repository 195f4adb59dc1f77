"""Detectors out of the database: by route, and each whole, by one statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from tests.factories import (
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
)
from tests.lookups.rows import whole_detector
from workflow_engine.lookups import detector_ids_by_route, detectors
from workflow_engine.models import Condition, Detector
from workflow_engine.types.routes import candidate_routes
from workflow_engine.types.snapshots import ABSENT, DetectorSnapshot, GroupSnapshot

pytestmark = pytest.mark.django_db


def snapshot(detector: Detector | None) -> DetectorSnapshot:
    assert detector is not None
    found = detectors.load([detector.pk])[detector.pk]
    assert isinstance(found, DetectorSnapshot)
    return found


def asked(event_type: str, source: str) -> list[str]:
    ids = detector_ids_by_route.get_many(candidate_routes(event_type, source))
    found = detectors.get_many(key for keys in ids.values() for key in keys)
    return [d.slug for d in found.values() if isinstance(d, DetectorSnapshot)]


def test_detectors__everything_of_a_row() -> None:
    row = whole_detector(
        slug="a",
        name="A",
        event_type="order.*",
        source="/shop",
        config={"priority": "low"},
    )

    found = snapshot(row)

    assert (found.id, found.slug, found.name) == (row.pk, "a", "A")
    assert (found.event_type, found.source) == ("order.*", "/shop")
    assert (found.kind, found.config) == ("event", {"priority": "low"})
    assert found.enabled is True
    assert found.problem == ""
    assert len(found.revision) == 12


def test_detectors__trigger_group_by_position() -> None:
    group = ConditionGroupFactory(trigger=True, logic="none")
    second = ConditionFactory(group=group, position=5)
    first = ConditionFactory(group=group, position=-1, result=0)

    found = snapshot(group.detector)

    assert isinstance(found.trigger, GroupSnapshot)
    assert found.trigger.logic == "none"
    assert [c.id for c in found.trigger.conditions] == [first.pk, second.pk]
    assert [c.result for c in found.trigger.conditions] == [0, None]
    assert found.trigger.conditions[0].config == {"path": "data.amount", "value": 1}


def test_detectors__without_trigger_group_and_disabled() -> None:
    found = snapshot(DetectorFactory(disabled=True))

    assert found.trigger is None
    assert found.enabled is False


@pytest.mark.parametrize("number", [1, 100])
def test_detectors__one_statement(
    django_assert_num_queries: DjangoAssertNumQueries, number: int
) -> None:
    rows = [whole_detector() for _ in range(min(number, 5))]
    there = {row.pk for row in rows}
    keys = [*there, *range(10**6, 10**6 + number - len(rows))]

    with django_assert_num_queries(1):
        found = detectors.load(keys)

    assert list(found) == keys
    assert {key for key, value in found.items() if value != ABSENT} == there


def test_detectors__empty_group_and_other_owners_stay_apart() -> None:
    empty, other = DetectorFactory(), whole_detector()
    ConditionGroupFactory(trigger=True, detector=empty)

    found = detectors.load([empty.pk, other.pk])

    sizes = {
        key: len(value.trigger.conditions)
        for key, value in found.items()
        if isinstance(value, DetectorSnapshot) and value.trigger
    }
    assert sizes == {empty.pk: 0, other.pk: 2}


def test_detectors__a_broken_configuration_spoils_itself_only() -> None:
    broken, fine = DetectorFactory(threshold=True), DetectorFactory(threshold=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workflow_engine_detector SET config = '[]' WHERE id = %s",
            [broken.pk],
        )

    assert "[] is not of type 'object'" in snapshot(broken).problem
    assert snapshot(fine).problem == ""


@pytest.mark.parametrize(
    ("type_name", "problem"),
    [
        ("nobody_registered_this", ""),
        ("frequency", "cannot stand in a group of role trigger"),
    ],
)
def test_detectors__a_condition_that_is_not_known_or_stands_wrong(
    type_name: str, problem: str
) -> None:
    condition = ConditionFactory(trigger=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workflow_engine_condition SET type = %s WHERE id = %s",
            [type_name, condition.pk],
        )

    found = snapshot(condition.group.detector)

    assert found.trigger is not None
    assert problem in found.trigger.conditions[0].problem
    assert bool(problem) == bool(found.trigger.conditions[0].problem)


def test_routes__r01() -> None:
    for slug, event_type, source in [
        ("1", "order.paid", ""),
        ("2", "order.*", ""),
        ("3", "order.*", "/shop"),
        ("4", "order.paid.*", ""),
        ("5", "*", ""),
        ("6", "order.paid", "/other"),
    ]:
        DetectorFactory(slug=slug, event_type=event_type, source=source)

    paid = asked("order.paid", "/shop")
    plain = asked("order", "/shop")

    assert sorted(paid) == ["1", "2", "3", "5"]
    assert plain == ["5"]


def test_routes__r03_ten_parts(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    event_type = "a.b.c.d.e.f.g.h.i.j"
    routes = candidate_routes(event_type, "/shop")

    with django_assert_num_queries(1):
        before = detector_ids_by_route.load(routes)
    DetectorFactory(slug="eight", event_type="a.b.c.d.e.f.g.h.*")

    assert len(before) == 20
    assert set(before.values()) == {()}
    assert asked(event_type, "/shop") == ["eight"]


def test_routes__type_and_source_belong_together() -> None:
    DetectorFactory(event_type="a", source="/1")
    DetectorFactory(event_type="b", source="/2")

    found = detector_ids_by_route.load([("a", "/2"), ("b", "/1")])

    assert found == {("a", "/2"): (), ("b", "/1"): ()}


def test_routes__disabled_ones_are_not_asked_and_the_others_sorted() -> None:
    rows = [DetectorFactory(id=number) for number in (30, 10, 20)]
    DetectorFactory(disabled=True)

    found = detector_ids_by_route.get(("order.failed", ""))

    assert found == tuple(sorted(row.pk for row in rows))


def test_routes__more_than_an_expression_holds() -> None:
    routes = [(f"type-{number}", f"/{number}") for number in range(2000)]
    row = DetectorFactory(event_type="type-7", source="/7")

    found = detector_ids_by_route.load(routes)

    assert {route: ids for route, ids in found.items() if ids} == {
        ("type-7", "/7"): (row.pk,)
    }


@pytest.mark.parametrize(
    "pair",
    [
        (("a", "b"), ("ab", "")),
        (("a", ""), ("", "a")),
        (("1:a", ""), ("1", ":a")),
        (("a.*", "g"), ("a", ".*g")),
    ],
)
def test_route_names__no_two_routes_share_one(pair: Any) -> None:
    one, other = map(detector_ids_by_route.mapping.name, pair)

    assert one != other
    assert len(one) == len("detector_ids_by_route:") + 32


def test_configs__numbers_are_as_they_were_given() -> None:
    config: Callable[[Any], dict[str, Any]] = lambda value: {  # noqa: E731
        "path": "data.v",
        "value": value,
    }
    group = ConditionGroupFactory(trigger=True)
    for value in (1, 1.0, True, 0.1, "é", None):
        ConditionFactory(group=group, config=config(value))

    found = snapshot(group.detector)

    assert found.trigger is not None
    values = [condition.config["value"] for condition in found.trigger.conditions]
    assert list(map(repr, values)) == ["1", "1.0", "True", "0.1", "'é'", "None"]
    assert Condition.objects.count() == 6
