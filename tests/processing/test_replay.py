"""Replay: what it awaits that no event announces."""

from __future__ import annotations

import pytest

from tests.processing.world import START, World
from workflow_engine.processing.replay import replay

pytestmark = pytest.mark.django_db


def opened_at(world: World, *events: tuple[float, str]) -> list[tuple[float, str]]:
    """Replay an event of each subject at its time; return what opened, and when."""
    told = [world.event(time=second, subject=subject) for second, subject in events]
    return [
        ((one.time - START).total_seconds(), one.id.split(":")[3])
        for one in replay(told)
        if one.item and one.detections[0].change == "opened"
    ]


def test_replay__listed_subject_never_heard_of(world: World) -> None:
    world.absence("heartbeat", 300, subjects=["host-1", "host-2"])

    opened = opened_at(world, (0, "host-1"), (299, "host-1"), (500, "host-1"))

    assert opened == [(300, "host-2")]


def test_replay__listed_subjects_are_awaited_from_the_first_event_on_a_route(
    world: World,
) -> None:
    world.absence("heartbeat", 300, subjects=["host-2"])
    early = world.event(type="order.paid", time=0)
    events = [early] + [world.event(time=t, subject="host-1") for t in (1000, 1301)]

    items = [one for one in replay(events) if one.item]

    assert [(one.time - START).total_seconds() for one in items] == [1300, 1300]


def test_replay__in_their_environment(world: World) -> None:
    world.absence("heartbeat", 300, subjects=["host-1"], environment="production")
    events = [
        world.event(time=t, subject="host-1", environment="production")
        for t in (0, 200, 400)
    ]

    said = [one.reason for one in replay(events) if one.item]

    assert said == ["heard"]


def test_replay__leaves_the_database_alone(world: World) -> None:
    world.absence("heartbeat", 300)
    before = world.rows()

    list(replay([world.event(time=t) for t in (0, 400)]))

    assert world.rows() == before


def test_replay__disabled_detector_awaits_nobody(world: World) -> None:
    world.absence("heartbeat", 300, subjects=["host-2"], enabled=False)

    assert opened_at(world, (0, "host-1"), (1000, "host-1")) == []
