"""Detectors that keep state, as the pipeline keeps it for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.handlers import Outbox
from tests.processing.world import START, Carry, World, changes
from workflow_engine.models import Decision, DetectorState
from workflow_engine.processing.buffer import buffer

TEN_OH_FOUR = 240
FIVE_MINUTES = 300


def test_state__of_another_environment_stays(world: World) -> None:
    world.threshold("hot")
    world.one(value=11, environment="production")

    world.one(value=1, environment="staging")

    priorities = DetectorState.objects.values_list("environment", "priority")
    assert dict(priorities) == {"production": 75, "staging": 0}


def test_state__edited_detector_keeps_the_status_until_a_sample(world: World) -> None:
    detector = world.threshold("hot")
    world.one(value=11)
    detector.config = {**detector.config, "levels": {"high": 100}}
    detector.save()

    before = DetectorState.objects.get().priority
    said = [world.one(value=50), world.one(value=50)]

    assert before == 75
    assert changes(said) == ["resolved", "unchanged"]


def test_state__edited_detector_counts_anew(world: World) -> None:
    detector = world.threshold("hot", breaches=2)
    world.one(value=11)
    detector.config = {**detector.config, "levels": {"high": 9}}
    detector.save()

    said = [world.one(value=11), world.one(value=11)]

    assert changes(said) == ["counting", "opened"]


def test_state__event_that_is_no_sample_leaves_none(world: World) -> None:
    world.detector(
        "filtered",
        kind="threshold",
        trigger=["data.on eq true"],
        path="data.value",
        op="gt",
        levels={"high": 10},
    )

    said = [world.one(on=False, value=11), world.one(on=True, value="none")]

    assert changes(said) == ["trigger", "no_value"]
    assert {name for name, count in world.rows().items() if count} == set()


def test_state__tracked_event(world: World, outbox: Outbox) -> None:
    conditions = [('data.status eq "firing"', 75), ('data.status eq "resolved"', 0)]
    world.detector("alerts", trigger=conditions, logic="any", track=True)
    world.workflow("tell", "alerts")

    said = [
        world.one(status=status)
        for status in ("firing", "firing", "resolved", "resolved")
    ]

    assert changes(said) == ["opened", "repeated", "resolved", "unchanged"]


def test_state__episodes_have_names_of_their_own(world: World) -> None:
    world.threshold("hot")
    names = []
    for value in (11, 1, 11, 1, 11):
        world.one(value=value)
        names.append(DetectorState.objects.get().episode)

    assert names[0] == names[1] == int(START.timestamp() * 1_000_000)
    assert names == sorted(names)
    assert len(set(names)) == 3


def test_absence__opens_once_when_nothing_came(world: World, outbox: Outbox) -> None:
    world.absence("heartbeat", FIVE_MINUTES)
    world.workflow("tell", "heartbeat")
    world.at(0).one("e1")
    world.run_until(TEN_OH_FOUR)
    world.one("e2")

    world.run_until(TEN_OH_FOUR + FIVE_MINUTES - 1)
    assert outbox.sent == []
    world.run_until(4000)

    (message,) = outbox.sent
    state = DetectorState.objects.get()
    assert message.at == START + timedelta(minutes=9)
    assert message.event == f"absence:heartbeat::cart-7:{state.episode}"
    assert world.items() == []
    assert changes([world.one("e3")]) == ["resolved"]
    assert len(world.items("detect")) == 1


def test_absence__synthetic_event_says_what_is_missing(world: World) -> None:
    world.absence("heartbeat", FIVE_MINUTES)
    world.workflow("tell", "heartbeat")
    world.one("e1")

    world.run_until(FIVE_MINUTES)

    decision = Decision.objects.get(outcome="fired")
    assert decision.event_type == "order.failed"
    assert decision.event_source == "workflow-engine/heartbeat"
    assert decision.event_time == START + timedelta(seconds=FIVE_MINUTES)
    assert decision.event["data"] == {
        "for": FIVE_MINUTES,
        "last_seen_at": "2026-05-02T10:00:00Z",
    }


def test_absence__event_at_the_due_moment_is_in_time(
    world: World, outbox: Outbox
) -> None:
    world.absence("heartbeat", FIVE_MINUTES)
    world.workflow("tell", "heartbeat")
    world.one("e1")

    world.at(FIVE_MINUTES).one("e2")
    world.run()

    assert outbox.sent == []
    (item,) = world.items("detect")
    assert item.due_at == START + timedelta(seconds=2 * FIVE_MINUTES)


def test_absence__is_measured_by_arrival(world: World, outbox: Outbox) -> None:
    world.absence("heartbeat", FIVE_MINUTES)
    world.workflow("tell", "heartbeat")
    world.at(1000).one("e1", time=0)

    world.run_until(1299)

    assert outbox.sent == []
    world.run_until(1300)
    assert len(outbox.sent) == 1


def test_absence__heard_is_a_reason(world: World, settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"TRACE_SHARE": {"no_match": 1}}
    world.absence("heartbeat", FIVE_MINUTES)
    world.one("e1")
    world.at(100).one("e2")

    world.run_until(FIVE_MINUTES)

    buffer.flush()
    sources = Decision.objects.filter(reason="heard").values_list("event_source")
    assert ("workflow-engine/heartbeat",) in sources


def test_absence__detector_is_no_more(world: World, outbox: Outbox) -> None:
    detector = world.absence("heartbeat", FIVE_MINUTES)
    world.workflow("tell", "heartbeat")
    world.one("e1")
    detector.delete()

    world.run_until(1000)

    assert outbox.sent == []
    assert world.items() == []


def test_rate__opens_and_resolves_by_itself(world: World, outbox: Outbox) -> None:
    world.detector("storm", kind="rate", period=60, count=3)
    world.workflow("tell", "storm", carries=[_told("email")])

    said = [world.at(second).one(time=second) for second in (0, 10, 20)]
    world.run_until(59)
    opened = list(outbox.sent)
    world.run_until(61)

    assert changes(said) == ["below_rate", "below_rate", "opened"]
    assert [message.purpose for message in opened] == ["trigger"]
    assert [message.purpose for message in outbox.sent] == ["trigger", "resolve"]
    assert DetectorState.objects.get().priority == 0


def _told(action: str) -> Carry:
    return Carry(action=action, on_resolve=True)
