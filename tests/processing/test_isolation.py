"""One broken condition, detector or workflow costs only itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.handlers import ANYTHING, Outbox
from tests.processing.world import Carry, World, changes, fates, reasons
from workflow_engine import registry
from workflow_engine.detectors import register_detector
from workflow_engine.models import Decision, DetectorState, WorkflowDecision
from workflow_engine.processing.judged import guarded_match
from workflow_engine.types.detection import (
    Change,
    Detection,
    Sample,
    State,
    opened,
    resolved,
)
from workflow_engine.types.priority import Priority
from workflow_engine.types.snapshots import GroupSnapshot, WorkflowSnapshot

KIND = "t_custom"


def _raises(*_: Any) -> Any:
    raise RuntimeError("no idea")


BROKEN: dict[str, Callable[..., Any]] = {
    "raises": _raises,
    "no pair": lambda sample, state, config: None,
    "no state": lambda sample, state, config: ({}, "unchanged"),
    "unknown reason": lambda sample, state, config: (state, "no idea"),
    "memory is no JSON": lambda sample, state, config: (
        state.remember(seen={1, 2}),
        "unchanged",
    ),
    "memory with NaN": lambda sample, state, config: (
        state.remember(seen=float("nan")),
        "unchanged",
    ),
    "memory is too long": lambda sample, state, config: (
        state.remember(seen="x" * 5000),
        "unchanged",
    ),
    "value is no JSON": lambda sample, state, config: (state, opened("low", object())),
    "value is too long": lambda sample, state, config: (
        state,
        opened("low", "x" * 5000),
    ),
    "naive wake": lambda sample, state, config: (
        state.replace(wake_at=datetime(2026, 5, 2)),  # noqa: DTZ001 - the point of it
        "unchanged",
    ),
}


@pytest.fixture
def custom() -> Iterator[Callable[[Callable[..., Any]], None]]:
    """Return what registers a detector kind of the test's own."""

    def register(handler: Callable[..., Any]) -> None:
        register_detector(KIND, handler, schema=ANYTHING, stateful=True)

    yield register
    if registry.detectors.get(KIND) is not None:
        registry.detectors.unregister(KIND)


@pytest.mark.parametrize("handler", BROKEN.values(), ids=BROKEN)
def test_detector__that_breaks(
    world: World,
    outbox: Outbox,
    custom: Callable[[Callable[..., Any]], None],
    handler: Callable[..., Any],
) -> None:
    custom(handler)
    world.detector("broken", kind=KIND)
    world.threshold("hot")
    world.workflow("tell", "broken", "hot")

    outcome = world.one(value=11)
    world.run()

    said = [one.reason for one in outcome.detections]
    assert said == ["detector_error", None]
    assert outbox.actions == ["email"]
    assert not DetectorState.objects.filter(detector__slug="broken").exists()
    assert Decision.objects.get().has_error


def test_detector__interrupt_goes_through(
    world: World, custom: Callable[[Callable[..., Any]], None]
) -> None:
    def interrupted(sample: Sample, state: State, config: Any) -> Any:
        raise KeyboardInterrupt

    custom(interrupted)
    world.detector("broken", kind=KIND)

    with pytest.raises(KeyboardInterrupt):
        world.one()


def test_detector__tick_that_breaks(world: World) -> None:
    class Kind:
        def detect(self, sample: Sample, state: State, config: Any) -> Any:
            return state.replace(wake_at=sample.now), "unchanged"

        def tick(self, state: State, config: Any, now: datetime) -> Any:
            raise RuntimeError("no idea")

    register_detector(KIND, Kind, schema=ANYTHING, stateful=True)
    try:
        world.detector("broken", kind=KIND)
        world.one()
        before = DetectorState.objects.get().version
        world.run()
    finally:
        registry.detectors.unregister(KIND)

    assert world.items() == []
    assert DetectorState.objects.get().version == before


def test_detector__ends_an_episode_once(
    world: World, custom: Callable[[Callable[..., Any]], None]
) -> None:
    def says(sample: Sample, state: State, _: Any) -> Any:
        is_over = sample.event.data["is_over"]
        return state, resolved() if is_over else opened("low")

    custom(says)
    world.detector("eager", kind=KIND)
    told = [Carry(action="email", on_resolve=True)]
    world.workflow("tell", "eager", carries=told)

    said = [world.one(is_over=over) for over in (True, False, True, True)]
    state = DetectorState.objects.get()

    assert changes(said) == ["unchanged", "opened", "resolved", "unchanged"]
    assert [len(outcome.firings) for outcome in said] == [0, 1, 1, 0]
    assert (state.priority, state.previous_priority) == (0, 25)


def test_detector__kind_nobody_registered(
    world: World, custom: Callable[[Callable[..., Any]], None], outbox: Outbox
) -> None:
    custom(_raises)
    world.detector("orphan", kind=KIND)
    world.detector("orders")
    world.workflow("tell", "orphan", "orders")
    registry.detectors.unregister(KIND)

    outcome = world.one()
    world.run()

    assert [said.reason for said in outcome.detections] == ["handler_missing", None]
    assert outbox.actions == ["email"]


def test_detector__trigger_with_an_error(world: World) -> None:
    world.detector("broken", trigger=["data.amount gt 5"])

    assert reasons([world.one(amount="many")]) == ["condition_error"]


@pytest.mark.parametrize("answer", [1, None, "yes"])
def test_condition__answers_neither_yes_nor_no(
    world: World, outbox: Outbox, answer: Any
) -> None:
    assert _reason_with({"type": "t_says", "answer": answer}, world) == "bad_verdict"
    world.run()
    assert outbox.actions == ["page"]


def test_condition__raises(world: World, outbox: Outbox) -> None:
    assert _reason_with({"type": "t_says"}, world) == "handler_error"
    world.run()
    assert outbox.actions == ["page"]


def test_condition__raises_what_no_database_stores(world: World) -> None:
    world.detector("orders")
    when = [{"type": "t_says", "raises": True}]
    world.workflow("broken", "orders", when=when)
    world.workflow("well", "orders", carries=["page"])

    outcome = world.one()

    assert fates(outcome)["well"] == [("page", "sent")]
    kept = WorkflowDecision.objects.get(workflow_slug="broken").detail
    message = kept["when"]["conditions"][0]["message"]
    assert message == "RuntimeError: zero \ufffd, half \ufffd"


def _reason_with(condition: dict[str, Any], world: World) -> str:
    """Return the error of a condition in one of two workflows, the other of which acts."""
    world.detector("orders")
    world.workflow("broken", "orders", when=[condition])
    world.workflow("well", "orders", carries=["page"])
    (broken, well) = world.trace(world.event()).workflows
    assert (broken.reason, broken.has_error) == ("condition_error", True)
    assert well.reason == "sent"
    assert broken.when is not None
    return broken.when.error


def test_condition__error_beside_a_clear_answer_changes_nothing(world: World) -> None:
    world.detector("orders")
    when = [{"type": "t_says"}, "data.amount gt 5"]
    world.workflow("tell", "orders", when=when, logic="any")

    outcome = world.one(amount=9)

    assert reasons([outcome]) == ["sent"]
    assert not WorkflowDecision.objects.get().has_error
    assert not Decision.objects.get().has_error


@pytest.mark.parametrize(
    ("logic", "amount", "reason", "has_error"),
    [
        ("all", 1, "trigger", False),
        ("all", 9, "condition_error", True),
        ("none", 9, "trigger", False),
        ("any", 1, "condition_error", True),
        ("any", 11, "counting", False),
    ],
)
def test_trigger__error_counts_only_where_it_could_flip_the_answer(
    world: World, logic: str, amount: int, reason: str, has_error: bool
) -> None:
    trigger = [{"type": "t_says", "raises": True}, "data.amount gt 5"]
    world.threshold("hot", path="data.amount", breaches=2, trigger=trigger, logic=logic)

    (line,) = world.trace(world.event(amount=amount)).detectors

    assert (line.reason, line.has_error) == (reason, has_error)


def test_workflow__that_cannot_be_judged(world: World) -> None:
    broken = WorkflowSnapshot(
        id=1,
        slug="broken",
        name="Broken",
        enabled=True,
        environment=None,
        interval_seconds=0,
        when=GroupSnapshot(id=1, logic="all", conditions=None),  # type: ignore[arg-type] # the point of it
    )
    detection = Detection(
        detector_id=1, detector="d", change=Change.OPENED, priority=Priority.LOW
    )

    matched = guarded_match(world.event(), 1, broken, [detection], world.clock.now())

    assert (matched.line.result, matched.line.reason) == ("failed", "workflow_error")
    assert matched.line.note.startswith("TypeError")
    assert not matched.is_match
