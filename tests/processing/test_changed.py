"""The condition `changed`: what a detector saw last, subject by subject."""

from __future__ import annotations

from tests.processing.world import World, changes
from workflow_engine.models import DetectorState


def test_changed__against_what_was_seen_last(world: World) -> None:
    world.detector("owners", trigger=["data.owner changed"])
    seen = [{"owner": "x"}, {"owner": "x"}, {"owner": "y"}, {}, {"owner": None}]

    said = [world.one(data=data) for data in seen]
    other = world.one(subject="cart-8", owner="z")

    assert changes(said) == ["trigger", "trigger", "repeated", "repeated", "repeated"]
    assert changes([other]) == ["trigger"]


def test_changed__in_one_batch(world: World) -> None:
    world.detector("owners", trigger=["data.owner changed"])

    said = world.process(*(world.event(owner=name) for name in "xxyx"))

    assert changes(said) == ["trigger", "trigger", "repeated", "repeated"]


def test_changed__remembers_also_when_the_group_does_not_pass(world: World) -> None:
    world.detector("owners", trigger=["data.owner changed", "data.on eq true"])

    said = world.process(
        world.event(owner="x", on=False),
        world.event(owner="y", on=False),
        world.event(owner="y", on=True),
        world.event(owner="z", on=True),
    )

    assert changes(said) == ["trigger", "trigger", "trigger", "repeated"]


def test_changed__late_event_is_not_looked_at(world: World) -> None:
    world.detector("owners", trigger=["data.owner changed"])

    said = [
        world.one(time=10, owner="x"),
        world.one(time=5, owner="y"),
        world.one(time=10, owner="x"),
    ]

    assert changes(said) == ["trigger", "late_event", "trigger"]


def test_changed__keeps_no_value(world: World) -> None:
    world.detector("owners", trigger=["data.owner changed"])

    world.one(owner="a-very-private-name")

    assert "a-very-private-name" not in str(DetectorState.objects.get().memory)
