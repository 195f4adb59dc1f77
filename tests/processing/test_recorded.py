"""What the rules say of recorded events, taken by replay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.processing.world import World
from tests.recorded import recorded, series
from workflow_engine.processing.replay import replay
from workflow_engine.types.event import Event
from workflow_engine.types.outcome import Outcome

OCTO = "https://github.com/octo-org/octo-repo"
BUG = 'data.issue.labels.*.name contains "bug"'
MACHINE = "machine_temperature_system_failure"


def _events(attributes: Iterable[dict[str, Any]]) -> Iterator[Event]:
    for one in attributes:
        time = datetime.fromisoformat(one["time"])
        rest = {k: v for k, v in one.items() if k not in {"specversion", "time"}}
        yield Event(time=time, accepted_at=time, **rest)


def _replayed(attributes: Iterable[dict[str, Any]]) -> list[Outcome]:
    return list(replay(_events(attributes)))


def _transitions(outcomes: Iterable[Outcome]) -> list[tuple[str, str, str]]:
    """Return id, change and new priority of each change that was told."""
    return [
        (outcome.id, said.change, str(said.to))
        for outcome in outcomes
        for said in outcome.detections
        if said.change not in {None, "repeated"}
    ]


def test_github__prefixes(world: World) -> None:
    routes = {
        "pulls": ("com.github.pull_request.*", ""),
        "pushes": ("com.github.push.*", ""),
        "push": ("com.github.push", ""),
        "octo": ("com.github.*", OCTO),
    }
    for slug, (event_type, source) in routes.items():
        world.detector(slug, event_type=event_type, source=source)

    outcomes = _replayed(recorded("github"))

    counts = dict.fromkeys(routes, 0)
    for outcome in outcomes:
        for said in outcome.detections:
            counts[said.detector] += said.change is not None
    assert counts == {"pulls": 24, "pushes": 0, "push": 5, "octo": 9}


def test_github__open_bugs_in_production(world: World) -> None:
    world.detector("github", event_type="com.github.*")
    when = [BUG, "data.issue.assignee eq null"]
    world.workflow("tell", "github", when=when, environment="production")

    outcomes = _replayed(recorded("github"))

    fired = [outcome.id for outcome in outcomes if outcome.outcome == "fired"]
    assert fired == [
        f"gh-{number}"
        for number in ("0076", "0088", "0089", "0095", "0107", "0109", "0110")
    ]


OLD: dict[str, Any] = {
    "type": "lt",
    "path": "data.repository.created_at",
    "value": "2019-05-15T15:19:25Z",
    "as": "time",
}
NUMBERS = [f"gh-0{number}" for number in (205, 207, 208, 209, 210)]


@pytest.mark.parametrize(
    ("conditions", "logic", "count"),
    [
        ([OLD], "all", 21),
        ([OLD, "data.repository.private eq true"], "any", 26),
    ],
)
def test_github__time_that_is_a_number_is_an_error(
    world: World, conditions: list[Any], logic: str, count: int
) -> None:
    world.detector("github", event_type="com.github.*")
    world.workflow("tell", "github", when=conditions, logic=logic)

    outcomes = _replayed(recorded("github"))

    fired = [outcome.id for outcome in outcomes if outcome.outcome == "fired"]
    failed = [o.id for o in outcomes if o.reason == "condition_error"]
    assert len(fired) == count
    assert failed == NUMBERS


def test_nab__temperature_by_levels(world: World) -> None:
    world.detector(
        "cold",
        kind="threshold",
        event_type="metric.sample",
        path="data.value",
        op="lt",
        levels={"low": 60, "medium": 45, "high": 20},
        resolve=75,
        breaches=3,
        clears=3,
    )

    outcomes = _replayed(series(MACHINE))

    changes = {id_: (change, to) for id_, change, to in _transitions(outcomes)}
    late = [o for o in outcomes if o.reason == "late_event"]
    assert len(changes) == 30
    assert len(late) == 11
    assert changes[f"{MACHINE}-003978"] == ("raised", "high")
    assert changes[f"{MACHINE}-003990"][0] == "lowered"
    assert changes[f"{MACHINE}-004005"] == ("resolved", "ok")
    assert list(changes.values())[-1] == ("resolved", "ok")


def test_nab__the_repeated_hour_is_late(world: World) -> None:
    world.detector(
        "warm",
        kind="threshold",
        event_type="metric.sample",
        path="data.value",
        op="gte",
        levels={"low": 93},
    )
    hours = [
        event
        for event in series(MACHINE)
        if "2014-01-07T01:00:00Z" <= event["time"] <= "2014-01-07T04:00:00Z"
    ]

    changes = _transitions(_replayed(hours))

    assert [(id_[-6:], change) for id_, change, _ in changes] == [
        ("010125", "opened"),
        ("010148", "resolved"),
        ("010160", "opened"),
        ("010161", "resolved"),
    ]


SPEED: dict[str, Any] = {
    "kind": "threshold",
    "event_type": "metric.sample",
    "path": "data.value",
    "op": "lt",
    "levels": {"low": 50, "medium": 30, "high": 15},
    "resolve": 60,
    "breaches": 2,
    "clears": 2,
}


def test_nab__speed(world: World) -> None:
    world.detector("slow", **SPEED)

    changes = _transitions(_replayed(series("speed_7578")))

    assert len(changes) == 15
    assert changes[-1][2] == "medium"


@pytest.mark.parametrize("size", [1, 100])
def test_nab__speed_in_batches_on_the_database(world: World, size: int) -> None:
    world.detector("slow", **SPEED)
    replayed = _transitions(_replayed(series("speed_7578")))
    events = list(_events(series("speed_7578")))

    outcomes: list[Outcome] = []
    for start in range(0, len(events), size):
        outcomes += world.process(*events[start : start + size])

    assert _transitions(outcomes) == replayed


def test_nab__silence_of_two_hours(world: World) -> None:
    world.absence("silent", 7200, event_type="metric.sample")

    outcomes = _replayed(series("speed_7578"))

    changes = _transitions(outcomes)
    first = next(o for o in outcomes if o.item == "detect" and o.detections[0].change)
    assert len(changes) == 16
    assert first.time.isoformat() == "2015-09-09T03:16:00+00:00"


def test_nab__often_slow(world: World) -> None:
    world.detector(
        "jam",
        kind="rate",
        event_type="metric.sample",
        trigger=["data.value lt 50"],
        period=1800,
        count=4,
        resolve=1,
    )

    outcomes = _replayed(series("speed_7578"))

    resolved = [
        o.time.isoformat()
        for o in outcomes
        if o.detections and o.detections[0].change == "resolved"
    ]
    assert len(_transitions(outcomes)) == 7
    assert resolved[0] == "2015-09-15T15:04:00+00:00"
