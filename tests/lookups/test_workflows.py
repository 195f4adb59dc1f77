"""Workflows out of the database: by detector, and each whole, by one statement."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries

from tests.factories import (
    ActionFactory,
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    EnvironmentFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from tests.lookups.rows import linked, whole_workflow
from workflow_engine.lookups import (
    workflow_ids_by_detector,
    workflows,
    workflows_for_detectors,
)
from workflow_engine.models import Workflow
from workflow_engine.types.snapshots import ABSENT, CarriedAction, WorkflowSnapshot

pytestmark = pytest.mark.django_db


def snapshot(workflow: Workflow | None) -> WorkflowSnapshot:
    assert workflow is not None
    found = workflows.load([workflow.pk])[workflow.pk]
    assert isinstance(found, WorkflowSnapshot)
    return found


def carried_of(workflow: Workflow | None) -> list[CarriedAction]:
    return [carried for one in snapshot(workflow).ifs for carried in one.actions]


def test_workflows__everything_of_a_row() -> None:
    until = datetime(2026, 5, 2, 12, 0, 0, 123456, UTC)
    row = WorkflowFactory(
        slug="a",
        name="A",
        production=True,
        interval=600,
        snoozed_until=until,
        trace_until=datetime(2026, 5, 2, 13, tzinfo=UTC),
    )

    found = snapshot(row)

    assert (found.id, found.slug, found.name) == (row.pk, "a", "A")
    assert (found.enabled, found.environment) == (True, "production")
    assert found.interval_seconds == 600
    assert found.snoozed_until == until
    assert found.trace_until == datetime(2026, 5, 2, 13, tzinfo=UTC)
    assert (found.when, found.ifs) == (None, ())


def test_workflows__groups_with_their_children() -> None:
    row = whole_workflow(disabled=True)

    found = snapshot(row)

    assert found.enabled is False
    assert found.environment is None
    assert found.snoozed_until is None
    assert found.when is not None
    assert (found.when.logic, len(found.when.conditions)) == ("any", 2)
    assert [one.group.position for one in found.ifs] == [1, 2]
    assert [len(one.group.conditions) for one in found.ifs] == [1, 0]
    assert [
        [(c.position, c.delay_seconds, c.on_resolve) for c in one.actions]
        for one in found.ifs
    ] == [[(0, 1800, True), (1, 0, False)], []]


def test_workflows__action_of_a_group() -> None:
    action = ActionFactory(slug="tell", name="Tell", disabled=True)
    carried = GroupActionFactory(action=action)

    (found,) = carried_of(carried.group.workflow)

    assert (found.action.id, found.action.slug, found.action.name) == (
        action.pk,
        "tell",
        "Tell",
    )
    assert (found.action.kind, found.action.config) == ("log", action.config)
    assert found.action.enabled is False
    assert found.action.problem == ""


@pytest.mark.parametrize("number", [1, 100])
def test_workflows__one_statement(
    django_assert_num_queries: DjangoAssertNumQueries, number: int
) -> None:
    rows = [whole_workflow(production=True) for _ in range(min(number, 4))]
    there = {row.pk for row in rows}
    keys = [*there, *range(10**6, 10**6 + number - len(rows))]

    with django_assert_num_queries(1):
        found = workflows.load(keys)

    assert list(found) == keys
    assert {key for key, value in found.items() if value != ABSENT} == there


@pytest.mark.parametrize("number", [1, 100])
def test_workflow_ids__one_statement(
    django_assert_num_queries: DjangoAssertNumQueries, number: int
) -> None:
    detector = DetectorFactory()
    linked(detector, WorkflowFactory(id=9), WorkflowFactory(id=3))
    keys = [detector.pk, *range(10**6, 10**6 + number - 1)]

    with django_assert_num_queries(1):
        found = workflow_ids_by_detector.load(keys)

    assert found == {detector.pk: (3, 9)} | dict.fromkeys(keys[1:], ())


def test_digest__key_order_and_names_do_not_matter() -> None:
    one = ActionFactory(config={"level": "info", "message": "x"})
    twin = ActionFactory(config={"message": "x", "level": "info"})
    other = ActionFactory(config={"level": "info", "message": "y"})
    group = ConditionGroupFactory(if_group=True)
    for action in (one, twin, other):
        GroupActionFactory(group=group, action=action)

    first, second, third = (c.action.digest for c in carried_of(group.workflow))

    assert first == second
    assert first != third


def test_workflows__w05_a_broken_configuration_spoils_itself_only() -> None:
    conditions = [ConditionFactory() for _ in range(6)]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workflow_engine_condition SET config = '{}' WHERE id = %s",
            [conditions[0].pk],
        )

    found = [snapshot(condition.group.workflow) for condition in conditions]

    problems = [one.when.conditions[0].problem for one in found if one.when]
    assert "'path' is a required property" in problems[0]
    assert problems[1:] == [""] * 5


def test_workflows__a_broken_action_spoils_itself_only() -> None:
    group = ConditionGroupFactory(if_group=True)
    broken = GroupActionFactory(group=group).action
    GroupActionFactory(group=group)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workflow_engine_action SET config = '3' WHERE id = %s", [broken.pk]
        )

    problems = [carried.action.problem for carried in carried_of(group.workflow)]

    assert "3 is not of type 'object'" in problems[0]
    assert problems[1] == ""


@pytest.mark.parametrize(
    ("environment", "slugs"),
    [
        ("", ["all"]),
        ("A", ["all", "a"]),
        ("B", ["all"]),
        ("a", ["all"]),
        ("AB", ["all"]),
    ],
)
def test_for_detectors__w01(environment: str, slugs: list[str]) -> None:
    detector = DetectorFactory()
    linked(
        detector,
        WorkflowFactory(slug="all"),
        WorkflowFactory(slug="a", environment=EnvironmentFactory(name="A")),
    )

    found = workflows_for_detectors([detector.pk], environment)

    assert [workflow.slug for workflow in found[detector.pk]] == slugs


def test_for_detectors__an_environment_named_null_is_a_name() -> None:
    detector = DetectorFactory()
    linked(detector, WorkflowFactory(environment=EnvironmentFactory(name="null")))

    found = workflows_for_detectors([detector.pk], "production")

    assert found == {detector.pk: ()}


def test_for_detectors__snoozed_is_there_and_disabled_is_not() -> None:
    detector = DetectorFactory()
    linked(
        detector,
        WorkflowFactory(disabled=True),
        WorkflowFactory(slug="snoozed", snoozed=True),
    )

    found = workflows_for_detectors([detector.pk], "production")

    assert [workflow.slug for workflow in found[detector.pk]] == ["snoozed"]


def test_for_detectors__two_look_ups_for_many_detectors(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    shared = WorkflowFactory(slug="shared")
    rows = [DetectorFactory() for _ in range(3)]
    for row in rows[:2]:
        linked(row, shared, WorkflowFactory())

    with django_assert_num_queries(2):
        found = workflows_for_detectors([row.pk for row in rows] * 2, "production")

    assert [len(found[row.pk]) for row in rows] == [2, 2, 0]


@pytest.mark.parametrize("queries", [0])
def test_for_detectors__nobody_asked_for(
    django_assert_num_queries: DjangoAssertNumQueries, queries: int
) -> None:
    with django_assert_num_queries(queries):
        found = workflows_for_detectors([], "production")

    assert found == {}
