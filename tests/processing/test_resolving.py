"""The end of an episode: what is cancelled, who hears of it, and who does not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.handlers import Outbox
from tests.processing.world import START, Carry, World, fates
from workflow_engine.exceptions import Permanent, RetryAfter
from workflow_engine.models import (
    Action,
    ActionInterval,
    Decision,
    DetectorWorkflow,
    Firing,
    Workflow,
)
from workflow_engine.processing.acknowledge import acknowledge_subject

HALF_HOUR = 1800
ON_RESOLVE = Carry(action="email", on_resolve=True)
ESCALATE = Carry(action="page", delay=HALF_HOUR)


@pytest.fixture
def hot(world: World) -> World:
    """Return a world with a detector that opens above 10."""
    world.threshold("hot")
    return world


def test_resolve__cancels_what_has_not_started(hot: World, outbox: Outbox) -> None:
    hot.workflow("tell", "hot", carries=[ESCALATE], interval=7200)
    hot.one(value=11)

    hot.at(HALF_HOUR - 1).one(value=1)
    hot.run_until(2 * HALF_HOUR)

    assert outbox.sent == []
    assert hot.firings() == [("page", "cancelled", "resolved")]
    assert hot.items() == []
    reopened = hot.one(value=11)
    assert fates(reopened) == {"tell": [("page", "waiting")]}


def test_resolve__comes_too_late_to_cancel(hot: World, outbox: Outbox) -> None:
    hot.workflow("tell", "hot", carries=[ESCALATE], interval=7200)
    hot.one(value=11)

    hot.run_until(HALF_HOUR + 1)
    hot.one(value=1)
    hot.run()

    assert outbox.actions == ["page"]
    assert ActionInterval.objects.get().held_until == START + timedelta(seconds=7200)


def test_resolve__firing_without_delay_is_still_delivered(
    hot: World, outbox: Outbox
) -> None:
    hot.workflow("tell", "hot", carries=["email"])

    hot.process(hot.event(value=11), hot.event(value=1))
    hot.run()

    assert outbox.actions == ["email"]


def test_resolve__opened_and_over_in_one_batch(hot: World, outbox: Outbox) -> None:
    hot.workflow("tell", "hot", carries=[ON_RESOLVE, ESCALATE])

    hot.process(hot.event("e1", value=11), hot.event("e2", value=1))
    hot.run_until(2 * HALF_HOUR)

    assert [(m.action, m.purpose) for m in outbox.sent] == [
        ("email", "trigger"),
        ("email", "resolve"),
    ]
    assert ("page", "cancelled", "resolved") in hot.firings()


def test_resolve__opens_the_interval_for_the_rest_of_its_batch(
    hot: World, outbox: Outbox
) -> None:
    hot.workflow("tell", "hot", carries=[ESCALATE], interval=7200)
    hot.one("e1", value=11)

    outcomes = hot.at(60).process(
        hot.event("e2", value=1), hot.event("e3", value=11), hot.event("e4", value=1)
    )
    again = hot.process(hot.event("e5", value=11), hot.event("e6", value=11))
    hot.run_until(2 * HALF_HOUR)

    assert fates(outcomes[1]) == {"tell": [("page", "waiting")]}
    assert fates(again[0]) == {"tell": [("page", "waiting")]}
    assert [message.event for message in outbox.sent] == ["e5"]


def test_resolve__leaves_other_subjects_alone(hot: World) -> None:
    hot.workflow("tell", "hot", carries=[ESCALATE])
    hot.process(hot.event(subject="a", value=11), hot.event(subject="b", value=11))

    hot.one(subject="a", value=1)

    states = Firing.objects.order_by("subject").values_list("subject", "state")
    assert list(states) == [("a", "cancelled"), ("b", "due")]


def test_on_resolve__told_once_after_the_trigger(hot: World, outbox: Outbox) -> None:
    hot.workflow("tell", "hot", carries=[ON_RESOLVE], interval=7200)
    hot.one("opens", value=11)
    hot.run()

    outcome = hot.at(10).one("ends", value=1)
    hot.run()

    assert outcome.outcome == "fired"
    assert fates(outcome) == {"tell": [("email", "sent")]}
    assert [(m.event, m.purpose) for m in outbox.sent] == [
        ("opens", "trigger"),
        ("ends", "resolve"),
    ]


def test_on_resolve__waits_for_a_trigger_that_is_retrying(
    hot: World, outbox: Outbox
) -> None:
    hot.workflow("tell", "hot", carries=[ON_RESOLVE])
    outbox.fail("email", RetryAfter(60), None)
    opens = hot.event("opens", value=11)
    hot.process(opens)
    hot.run()

    ends = hot.event("ends", value=1)
    first = hot.process(ends)
    hot.process(ends)
    hot.run_until(1)
    waiting = hot.firings(purpose="resolve")
    hot.run_until(120)

    assert first[0].reason == "sent"
    assert waiting == [("email", "due", "awaiting_trigger")]
    assert [(m.event, m.purpose) for m in outbox.sent] == [
        ("opens", "trigger"),
        ("ends", "resolve"),
    ]
    resolve = Firing.objects.get(purpose="resolve")
    assert (resolve.attempts, resolve.state) == (1, "succeeded")


def test_on_resolve__trigger_that_failed_tells_nobody(
    hot: World, outbox: Outbox
) -> None:
    hot.workflow("tell", "hot", carries=[ON_RESOLVE])
    outbox.fail("email", RetryAfter(60), Permanent("no such address"))
    hot.one(value=11)
    hot.run()
    hot.one(value=1)

    hot.run_until(600)

    assert outbox.sent == []
    assert hot.firings() == [
        ("email", "failed", "permanent"),
        ("email", "cancelled", "not_told"),
    ]


def test_on_resolve__who_was_held_hears_nothing(hot: World, outbox: Outbox) -> None:
    hot.workflow("tell", "hot", carries=[ON_RESOLVE], interval=7200)
    for value in (11, 1):
        hot.one(value=value)
    hot.run()
    told = len(outbox.sent)

    opened = hot.at(100).one(value=11)
    over = hot.at(200).one(value=1)
    hot.run()

    assert fates(opened) == {"tell": [("email", "interval")]}
    assert fates(over) == {"tell": [("email", "not_told")]}
    assert (over.outcome, over.reason) == ("no_match", "not_told")
    assert len(outbox.sent) == told == 2


def test_on_resolve__ignores_intervals(hot: World, outbox: Outbox) -> None:
    hot.workflow("tell", "hot", carries=[ON_RESOLVE], interval=7200)
    hot.one(value=11)
    hot.run()

    hot.at(1).one(value=1)
    hot.run()

    assert outbox.actions == ["email", "email"]
    assert ActionInterval.objects.get().held_until == START + timedelta(seconds=7200)


def test_on_resolve__judges_no_group(hot: World, outbox: Outbox) -> None:
    hot.workflow("tell", "hot", carries=[ON_RESOLVE], when=["data.value gt 5"])
    hot.one(value=11)
    hot.run()

    hot.one(value=1)
    hot.run()

    assert [message.purpose for message in outbox.sent] == ["trigger", "resolve"]


def test_on_resolve__one_event_ends_two_episodes(hot: World, outbox: Outbox) -> None:
    hot.threshold("hotter", levels={"high": 20}, resolve=20)
    hot.workflow("tell", "hot", "hotter", carries=[ON_RESOLVE])
    hot.one("hot", value=11)
    hot.run()
    hot.one("hotter", value=21)
    hot.run()

    hot.one("ends", value=1)
    hot.run()

    told = [(m.event, m.purpose) for m in outbox.sent]
    assert told == [
        ("hot", "trigger"),
        ("hotter", "trigger"),
        ("ends", "resolve"),
        ("ends", "resolve"),
    ]
    assert len({message.uuid for message in outbox.sent}) == 4


def test_on_resolve__not_asked_for(hot: World, outbox: Outbox) -> None:
    hot.workflow("tell", "hot")
    hot.one(value=11)

    outcome = hot.one(value=1)
    hot.run()

    assert outcome.workflows == ()
    assert outbox.actions == ["email"]


@pytest.mark.parametrize(
    ("model", "change", "reason"),
    [
        (Workflow, {"snoozed_until": START + timedelta(hours=1)}, "snoozed"),
        (Workflow, {"enabled": False}, "workflow_disabled"),
        (Action, {"enabled": False}, "not_told"),
    ],
)
def test_on_resolve__respects_snooze_and_disabling(
    hot: World, outbox: Outbox, model: Any, change: dict[str, Any], reason: str
) -> None:
    hot.workflow("tell", "hot", carries=[ON_RESOLVE])
    hot.one(value=11)
    hot.run()
    model.objects.update(**change)

    outcome = hot.one(value=1)
    hot.run()

    assert outcome.reason == reason
    assert outbox.actions == ["email"]


def test_on_resolve__comes_from_the_merged_firing(hot: World, outbox: Outbox) -> None:
    hot.workflow("w1", "hot", carries=["email"])
    hot.workflow("w2", "hot", carries=[ON_RESOLVE])
    hot.one(value=11)

    outcome = hot.one(value=1)
    hot.run()

    assert [m.purpose for m in outbox.sent] == ["trigger", "resolve"]
    assert fates(outcome)["w1"] == [("email", "sent")]


def test_on_resolve__one_event_ends_one_episode_and_begins_another(
    world: World, outbox: Outbox
) -> None:
    world.threshold("hot")
    world.detector(
        "cold", kind="threshold", path="data.value", op="lt", levels={"high": 5}
    )
    world.workflow("tell", "hot", "cold", carries=[ON_RESOLVE])
    world.one("hot", value=11)
    world.run()

    outcome = world.one("cold", value=1)
    world.run()

    assert [(m.event, m.purpose) for m in outbox.sent] == [
        ("hot", "trigger"),
        ("cold", "trigger"),
        ("cold", "resolve"),
    ]
    (line,) = outcome.workflows
    assert [one.reason.value for one in line.actions] == ["sent", "sent"]


def test_acknowledge__cancels_the_escalation_and_nothing_else(
    hot: World, outbox: Outbox
) -> None:
    hot.workflow("tell", "hot", carries=["email", ESCALATE], interval=7200)
    hot.one(value=11)
    hot.one(value=11, subject="cart-8")
    key = (Firing.objects.all()[0].detector_id, "", "cart-7")
    assert key[0] is not None

    cancelled = hot.committing(
        lambda: acknowledge_subject((key[0] or 0, "", "cart-7"), hot.clock.now())
    )
    again = acknowledge_subject((key[0], "", "cart-7"), hot.clock.now())
    hot.run_until(2 * HALF_HOUR)

    assert (cancelled, again) == (1, 0)
    assert sorted((m.action, m.subject) for m in outbox.sent) == [
        ("email", "cart-7"),
        ("email", "cart-8"),
        ("page", "cart-8"),
    ]
    assert ("page", "cancelled", "acknowledged") in hot.firings()


def test_acknowledge__of_a_subject_never_seen(hot: World) -> None:
    assert acknowledge_subject((1, "", "nobody"), START) == 0


def test_resolve__decision_of_the_beginning_is_not_rewritten(hot: World) -> None:
    hot.workflow("tell", "hot", carries=[ESCALATE])
    hot.one(value=11)

    hot.one(value=1)

    said = Decision.objects.order_by("pk").values_list("outcome", "reason")
    assert next(iter(said)) == ("fired", "waiting")


def test_batch__firing_of_an_earlier_part_is_cancelled_by_a_later_one(
    world: World,
) -> None:
    world.threshold("hot")
    world.threshold("wet", path="data.water")
    world.detector("lost", event_type="order.lost")
    late = Carry(action="page", delay=60)
    world.workflow("tell", "hot", carries=[late], interval=300)
    world.workflow("other", "lost", "wet", interval=300)
    world.one(water=11)

    world.process(
        world.event(value=11),
        world.event(water=1),
        world.event(type="order.lost"),
        world.event(value=1),
    )

    assert world.firings(action_slug="page") == [("page", "cancelled", "resolved")]


def test_resolve__of_a_detector_whose_links_are_gone(world: World) -> None:
    world.threshold("hot")
    late = Carry(action="page", delay=60, on_resolve=True)
    workflow = world.workflow("tell", "hot", carries=[late], interval=300)
    world.one(value=11)
    DetectorWorkflow.objects.all().delete()

    trace = world.trace(world.event(value=1))

    assert (trace.result, trace.reason, trace.workflows) == ("no_match", "no_link", ())
    assert world.firings() == [("page", "cancelled", "resolved")]
    held = ActionInterval.objects.get(workflow=workflow)
    assert held.held_until == world.clock.now()
