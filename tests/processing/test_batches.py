"""Batches of one, of all, and a replay: the same rules say the same of the same events."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.processing.world import START, Carry, If, World
from workflow_engine.models import (
    ActionInterval,
    DetectorState,
    EventCount,
    EventReceipt,
    Firing,
)
from workflow_engine.processing.replay import replay
from workflow_engine.types.event import Event
from workflow_engine.types.outcome import Outcome, to_json

SUBJECTS = ("a", "b")
PLACES = ("", "live")

CONDITIONS = st.sampled_from(
    [
        "data.v gt 5",
        "data.v lt 3",
        "data.w eq true",
        "data.w exists",
        {"type": "frequency", "period": 60, "op": "gte", "value": 2},
        {"type": "t_slow"},
    ]
)
LOGICS = st.sampled_from(["all", "any", "any_short", "none"])
GROUPS = st.lists(CONDITIONS, max_size=2)
CARRIES = st.lists(
    st.builds(
        Carry,
        action=st.sampled_from(["one", "two"]),
        delay=st.sampled_from([0, 600]),
        on_resolve=st.booleans(),
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda carry: (carry.action, carry.delay),
)
WORKFLOWS = st.lists(
    st.fixed_dictionaries(
        {
            "detectors": st.sets(
                st.sampled_from(["plain", "hot", "tracked", "changing"]), min_size=1
            ),
            "when": GROUPS,
            "logic": LOGICS,
            "ifs": st.lists(
                st.builds(If, conditions=GROUPS, logic=LOGICS, carries=CARRIES),
                min_size=1,
                max_size=2,
            ),
            "environment": st.sampled_from([None, "live"]),
            "interval": st.sampled_from([0, 300]),
        }
    ),
    min_size=1,
    max_size=3,
)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "subject": st.sampled_from(SUBJECTS),
            "environment": st.sampled_from(PLACES),
            "data": st.fixed_dictionaries(
                {"v": st.sampled_from([1, 4, 8, 12])}, optional={"w": st.booleans()}
            ),
        }
    ),
    min_size=1,
    max_size=8,
)
SLOWLY = settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def _rules(world: World, workflows: list[dict[str, Any]]) -> None:
    world.detector("plain", trigger=["data.v gt 3"])
    world.threshold("hot", path="data.v", levels={"high": 10}, resolve=5, breaches=2)
    firing, resolved = ("data.w eq true", 75), ("data.w eq false", 0)
    world.detector("tracked", trigger=[firing, resolved], logic="any", track=True)
    world.detector("changing", trigger=["data.v changed"])
    for number, one in enumerate(workflows):
        detectors = sorted(one["detectors"])
        rest = {key: value for key, value in one.items() if key != "detectors"}
        world.workflow(f"w{number}", *detectors, **rest)


def _in_batches(world: World, events: list[Event], size: int) -> dict[str, Any]:
    """Judge events in batches of a size, undo it, and return what came of it."""
    outcomes: list[Outcome] = []
    world.sent.clear()
    with transaction.atomic():
        for start in range(0, len(events), size):
            outcomes += world.process(*events[start : start + size])
        found = {
            "outcomes": [to_json(outcome) for outcome in outcomes],
            "kept": _kept(),
        }
        transaction.set_rollback(True)
    return found


def _kept() -> dict[str, Any]:
    states = DetectorState.objects.order_by("detector", "environment", "subject")
    intervals = ActionInterval.objects.order_by(
        "workflow", "action", "environment", "subject"
    )
    firings = Firing.objects.order_by(
        "event_id", "workflow_slug", "action_slug", "due_at", "purpose"
    )
    return {
        "states": list(
            states.values_list("detector__slug", "subject", "priority", "streaks")
        ),
        "counts": sorted(EventCount.objects.values_list("subject", "bucket", "count")),
        "intervals": list(
            intervals.values_list("workflow__slug", "subject", "held_until")
        ),
        "firings": list(
            firings.values_list("event_id", "workflow_slug", "action_slug", "state")
        ),
        "receipts": EventReceipt.objects.count(),
    }


@SLOWLY
@given(workflows=WORKFLOWS, given_events=EVENTS)
@pytest.mark.django_db
def test_batches__of_one_and_of_all_say_the_same(
    workflows: list[dict[str, Any]], given_events: list[dict[str, Any]]
) -> None:
    with transaction.atomic():
        world = World()
        _rules(world, workflows)
        events = [
            world.event(f"e{n}", time=n, **one) for n, one in enumerate(given_events)
        ]

        alone = _in_batches(world, events, 1)
        together = _in_batches(world, events, 100)
        transaction.set_rollback(True)

    assert together == alone


@SLOWLY
@given(workflows=WORKFLOWS, given_events=EVENTS, gap=st.sampled_from([1, 40, 400]))
@pytest.mark.django_db
def test_replay__says_what_the_database_said(
    workflows: list[dict[str, Any]], given_events: list[dict[str, Any]], gap: int
) -> None:
    with transaction.atomic():
        world = World()
        _rules(world, workflows)
        events = []
        live: list[Outcome] = []
        for number, one in enumerate(given_events):
            world.run_until(number * gap - 0.5) if number else None
            world.at(number * gap)
            event = world.event(f"e{number}", **one)
            events.append(event)
            live += world.process(event)
        replayed = [o for o in replay(events) if not o.item]
        transaction.set_rollback(True)

    assert world.clock.now() >= START
    assert [to_json(o) for o in replayed] == [to_json(o) for o in live]


def test_order_of_rows__does_not_matter(db: None) -> None:
    assert _told(backwards=True) == _told(backwards=False)


def _told(*, backwards: bool) -> list[str]:
    """Return what the same rules say, their rows made in one order or the other."""
    step = -1 if backwards else 1
    world = World(backwards=backwards)
    with transaction.atomic():
        for slug in ["low", "high"][::step]:
            trigger = ["data.v gt 0", "data.w absent", "data.v lt 100"]
            world.detector(slug, priority=slug, trigger=trigger)
        for slug in [f"w{n}" for n in range(4)][::step]:
            ifs = [
                If(conditions=["data.v gt 5"], carries=[f"{slug}-a", f"{slug}-b"]),
                If(conditions=["data.v gt 1", "data.v gt 7"], carries=[f"{slug}-c"]),
            ]
            when = ["data.v gt 3", "data.w eq 1", "data.v lt 9"]
            ends = ["low", "high"][::step]
            world.workflow(
                slug, *ends, when=when, logic="any_short", ifs=ifs, interval=300
            )
        events = [world.event(f"e{v}", v=v, time=v) for v in range(10)]
        outcomes = world.process(*events)
        transaction.set_rollback(True)
    return [_by_slug(to_json(outcome)) for outcome in outcomes]


def _by_slug(outcome: dict[str, Any]) -> str:
    """Return an outcome as text, its parts by slug and not by the ids of this database."""
    for part, key in (
        ("detections", "detector"),
        ("workflows", "workflow"),
        ("firings", "workflow"),
    ):
        outcome[part] = sorted(outcome[part], key=itemgetter(key))
    return str(outcome)
