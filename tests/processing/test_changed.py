"""The condition `changed`: what a detector saw last, subject by subject."""

from __future__ import annotations

from typing import Any

from tests.processing.world import World, changes
from workflow_engine import registry
from workflow_engine.detectors import register_detector
from workflow_engine.models import DetectorState
from workflow_engine.processing.prune import delete_old, old_rows
from workflow_engine.types.detection import Sample, State

DAY = 86_400


def _prune(world: World) -> int:
    """Delete what is old, and return how many states went."""
    gone = {old.noun: delete_old(old) for old in old_rows(world.clock.now())}
    return gone["states"]


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


def test_changed__quiet_subject_is_forgotten(world: World) -> None:
    world.detector("owners", trigger=["data.owner changed"])
    world.one(owner="x")
    world.at(10 * DAY).one(owner="x")

    kept = _prune(world.at(40 * DAY))
    gone = _prune(world.at(40 * DAY + 1))

    assert (kept, gone) == (0, 1)
    assert not DetectorState.objects.exists()


def test_changed__more_than_the_memory_holds(world: World) -> None:
    long = [f"data.{letter * 290} changed" for letter in "abcdefghijklm"]
    world.detector("all", trigger=long, logic="any")
    world.detector("most", trigger=long[:-1], logic="any")

    lines = world.trace(world.event()).detectors

    assert [line.reason for line in lines] == ["detector_error", "trigger"]
    assert lines[0].note.endswith("bytes of JSON, at most 4096")
    assert lines[0].has_error
    state = DetectorState.objects.get()
    assert state.detector.slug == "most"
    state.clean_fields()


def test_changed__memory_of_a_kind_beside_it(world: World) -> None:
    def says(sample: Sample, state: State, _: Any) -> Any:
        return state.remember(seen="x" * sample.event.data["size"]), "unchanged"

    register_detector("t_custom", says, schema={"type": "object"}, stateful=True)
    trigger = ["data.size exists", "id changed"]
    world.detector("both", kind="t_custom", trigger=trigger, logic="any")
    try:
        said = [world.one(size=size) for size in (4080, 4000, 4080)]
    finally:
        registry.detectors.unregister("t_custom")

    assert changes(said) == ["detector_error", "unchanged", "detector_error"]
    DetectorState.objects.get().clean_fields()
