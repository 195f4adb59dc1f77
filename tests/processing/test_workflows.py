"""Which workflows act: environment, snooze, several detectors, one broken rule among many."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import ProtectedError

from tests.handlers import Outbox
from tests.processing.world import START, If, World, fates, reasons
from workflow_engine.models import (
    Action,
    ActionInterval,
    Condition,
    Environment,
    Firing,
    Workflow,
)


def test_environment__none_matches_all_and_a_name_only_itself(world: World) -> None:
    world.detector("orders")
    world.workflow("every", "orders")
    world.workflow("a-only", "orders", environment="A", carries=["page"])

    outcomes = world.process(
        world.event(environment=""),
        world.event(environment="A"),
        world.event(environment="B"),
        world.event(environment="a"),
    )

    told = [
        [line.workflow for line in outcome.workflows if line.outcome == "fired"]
        for outcome in outcomes
    ]
    assert told == [["every"], ["every", "a-only"], ["every"], ["every"]]
    assert outcomes[0].workflows[1].reason == "environment"
    assert list(Environment.objects.values_list("name", flat=True)) == ["A"]


def test_environment__in_use_is_not_deleted(world: World) -> None:
    world.workflow("a-only", environment="A")

    with pytest.raises(ProtectedError):
        Environment.objects.get(name="A").delete()


def test_snooze__holds_with_the_whole_trace_and_ends_by_itself(world: World) -> None:
    world.detector("orders")
    noon = START + timedelta(hours=2)
    world.workflow(
        "tell",
        "orders",
        when=["data.amount gt 5"],
        ifs=[If(conditions=["data.vip eq true"])],
        interval=300,
        snoozed_until=noon,
    )

    world.at(2 * 3600 - 1)
    held = world.trace(world.event(amount=9, vip=True))
    rows = world.rows()
    unmoved = world.one(amount=1, vip=True)
    awake = world.at(2 * 3600).one(amount=9, vip=True)

    (line,) = held.workflows
    assert (held.result, held.reason) == ("held", "snoozed")
    assert line.when is not None
    assert line.when.conditions[0].seen == 9
    assert [verdict.verdict.passes for verdict in line.ifs] == [True]
    assert (rows["ActionInterval"], rows["WorkItem"], rows["Firing"]) == (0, 0, 0)
    assert unmoved.reason == "when"
    assert awake.reason == "sent"


def test_snooze__makes_no_item_for_a_slow_answer(world: World) -> None:
    world.detector("orders")
    later = START + timedelta(hours=1)
    world.workflow("tell", "orders", when=[{"type": "t_slow"}], snoozed_until=later)

    outcome = world.one()

    assert reasons([outcome]) == ["snoozed"]
    assert world.items() == []


def test_detectors__two_lead_to_one_judgement(world: World, outbox: Outbox) -> None:
    world.detector("low", priority="low")
    world.detector("high", priority="high")
    world.workflow("tell", "low", "high", when=['detection.detector eq "high"'])

    outcome = world.trace(world.event())
    world.run()

    (line,) = outcome.workflows
    assert line.detectors == ("high", "low")
    assert outbox.actions == ["email"]
    assert Firing.objects.get().detector_slug == "high"


def test_detectors__equal_priority_the_lowest_id_leads(world: World) -> None:
    world.detector("first")
    world.detector("second")
    world.workflow("tell", "second", "first")

    (line,) = world.trace(world.event()).workflows

    assert line.detectors == ("first", "second")


def test_workflow__disabled(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", enabled=False)

    assert reasons([world.one()]) == ["workflow_disabled"]


def test_workflow__bad_configuration_costs_that_workflow_only(world: World) -> None:
    world.detector("orders")
    for number in range(6):
        world.workflow(
            f"w{number}",
            "orders",
            when=["data.amount gt 5"],
            carries=[f"email-{number}"],
        )
    _spoil(Condition.objects.filter(group__workflow__slug="w2").get().pk)

    outcome = world.one(amount=9)

    said = {line.workflow: line.reason.value for line in outcome.workflows}
    assert said.pop("w2") == "condition_error"
    assert set(said.values()) == {"sent"}
    line = world.trace(world.event(amount=9)).workflows[2]
    assert line.when is not None
    assert line.when.conditions[0].error == "bad_config"
    assert line.has_error


def _spoil(condition_id: int) -> None:
    """Break a configuration past every check of ours."""
    table = Condition._meta.db_table
    update = f"UPDATE {table} SET config = %s WHERE id = %s"  # noqa: S608 - ours
    with connection.cursor() as cursor:
        cursor.execute(update, ['{"path": 7}', condition_id])


def test_if_group__without_actions_is_no_if_group(world: World) -> None:
    world.detector("orders")
    world.workflow("empty", "orders", ifs=[If(carries=[])])
    world.workflow("none", "orders", ifs=[])

    outcome = world.one()

    assert [line.reason.value for line in outcome.workflows] == ["no_if_group"] * 2


def test_if_group__none_passes(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", ifs=[If(conditions=["data.amount gt 5"])])

    assert reasons([world.one(amount=1)]) == ["if"]


def test_if_group__actions_only_of_those_that_pass(
    world: World, outbox: Outbox
) -> None:
    world.detector("orders")
    world.workflow(
        "tell",
        "orders",
        ifs=[
            If(conditions=["data.amount gt 5"], carries=["big"]),
            If(conditions=["data.amount lte 5"], carries=["small"]),
        ],
    )

    world.one(amount=9)
    world.run()

    assert outbox.actions == ["big"]


def test_workflows__reason_of_the_event_is_the_first_result_by_lowest_id(
    world: World,
) -> None:
    world.detector("orders")
    world.workflow("w1", "orders", when=["data.amount gt 5"])
    world.workflow("w2", "orders", when=["data.amount gt 5"])
    world.workflow("w3", "orders", snoozed_until=START + timedelta(hours=1))

    outcome = world.one(amount=1)

    assert (outcome.outcome, outcome.reason) == ("held", "snoozed")


def test_workflow__gone_between_link_and_look_up(world: World) -> None:
    world.detector("orders")
    workflow = world.workflow("tell", "orders", ifs=[If(conditions=["id t_slow"])])
    assert reasons([world.one()]) == ["pending"]
    Workflow.objects.filter(pk=workflow.pk).delete()

    world.run_until(10)

    assert fates(world.one()) == {}
    assert Firing.objects.count() == 0
    assert Action.objects.count() == 1
    assert ActionInterval.objects.count() == 0
