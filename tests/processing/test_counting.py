"""Figures of the engine: what is counted of events, firings and attempts, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from tests.handlers import Outbox
from tests.processing.world import START, Carry, World
from workflow_engine.conf import options
from workflow_engine.exceptions import (
    AttemptFailed,
    BlockedAddress,
    EndpointFailed,
    EndpointGone,
    HandlerMissing,
    InvalidRules,
    Permanent,
    RetryAfter,
)
from workflow_engine.metrics.counts import counts
from workflow_engine.models import Action, GroupAction, WorkItem
from workflow_engine.processing import rehearsal
from workflow_engine.processing.acknowledge import acknowledge_subject
from workflow_engine.processing.counting import RESULTS, result_of_attempt
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.processing.pipeline import process
from workflow_engine.processing.replay import replay
from workflow_engine.processing.schedule import cancel_work, enqueue_events
from workflow_engine.processing.testfire import fire_test
from workflow_engine.queue import lapse

LATER = Carry(action="page", delay=600)
MINE = ("event", "again", "firing", "delivery", "action", "lateness", "decision")


@pytest.fixture(autouse=True)
def _nothing_counted(world: World) -> None:
    counts.take()


def _counted(*counters: str) -> dict[tuple[str, str, str], int]:
    """Return how often each figure of some counters was counted since the last time."""
    return {
        (figure.counter, figure.scope, figure.reason): figure.count
        for figure in counts.take()
        if figure.counter in counters
    }


def test_event__by_outcome_and_reason(world: World) -> None:
    world.detector("orders", trigger=["data.amount gt 5"])
    world.workflow("tell", "orders", interval=300)
    first = world.event("e1", amount=9)

    world.process(
        first, first, world.event("e2", amount=9), world.event("e3", amount=1)
    )
    world.process(first, world.event("e4", type="unknown"))

    assert _counted("event", "again") == {
        ("event", "fired", "sent"): 1,
        ("event", "held", "duplicate_event"): 2,
        ("event", "held", "interval"): 1,
        ("event", "no_match", "trigger"): 1,
        ("event", "no_match", "no_detector"): 1,
    }


def test_event__rolled_back_with_its_caller(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")

    def undo() -> None:
        with transaction.atomic():
            process([world.event()], DatabaseLedger(world.send), START)
            transaction.set_rollback(True)

    world.committing(undo)

    assert _counted(*MINE) == {}


def test_event__durable_is_counted_when_it_is_judged(world: World) -> None:
    world.committing(lambda: enqueue_events([world.event("e1")], START, world.send))
    before = _counted(*MINE)
    world.run()

    assert before == {}
    assert _counted("event") == {("event", "no_match", "no_detector"): 1}


def test_event__dead_letter(world: World) -> None:
    world.committing(lambda: enqueue_events([world.event("e1")], START, None))
    WorkItem.objects.update(
        state="running",
        token=1,
        attempts=8,
        worker="lost",
        lease_ends_at=START - timedelta(hours=1),
    )

    world.committing(lambda: lapse(now=START, limit=10))

    assert _counted("event") == {("event", "failed", "event_failed"): 1}


def test_event__judged_again_is_counted_apart(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[{"type": "t_slow"}])
    world.one()

    world.run_until(60)

    assert _counted("event", "again") == {
        ("event", "held", "pending"): 1,
        ("again", "fired", "sent"): 1,
    }


def _explain(world: World) -> None:
    rehearsal.explain(world.event(amount=9), START)


def _replay(world: World) -> None:
    assert len(list(replay([world.event(time=n * 700) for n in range(2)]))) == 2


def _test_fire(world: World) -> None:
    for dry_run in (True, False):
        fire_test(
            Action.objects.get(slug="email"),
            world.event(),
            START,
            send_task=None,
            dry_run=dry_run,
        )


@pytest.mark.parametrize("work", [_explain, _replay, _test_fire])
def test_counts__nothing_that_is_not_live(
    world: World, work: Callable[[World], None]
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", carries=["email", LATER])

    world.committing(lambda: work(world))

    assert _counted(*MINE) == {}


def test_firing__decided_and_succeeded(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", carries=["email", LATER])

    world.one()
    decided = _counted("firing", "delivery")
    world.run_until(600)

    assert decided == {
        ("firing", "t_recorded", "due:sent"): 1,
        ("firing", "t_recorded", "due:waiting"): 1,
    }
    assert _counted("firing", "delivery", "action") == {
        ("firing", "t_recorded", "succeeded:sent"): 2,
        ("delivery", "t_recorded", "ok"): 2,
        ("action", "t_recorded", ""): 2,
    }


@pytest.mark.parametrize(
    ("error", "end", "result"),
    [
        (Permanent("no such address"), "failed:permanent", "permanent"),
        (HandlerMissing("gone"), "failed:handler_missing", "handler_missing"),
        (OSError("500"), "failed:attempts_used", "error"),
    ],
    ids=["permanent", "handler_missing", "attempts_used"],
)
def test_firing__failed(
    world: World, outbox: Outbox, error: Exception, end: str, result: str
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    outbox.fail("email", error)
    world.one()

    world.run_until(7 * 86_400)

    counted = _counted("firing", "delivery")
    assert counted == {
        ("firing", "t_recorded", "due:sent"): 1,
        ("firing", "t_recorded", end): 1,
        ("delivery", "t_recorded", result): len(outbox.attempted),
    }


def _resolve(world: World) -> None:
    world.one(value=1)


def _acknowledge(world: World) -> None:
    world.committing(lambda: acknowledge_subject((_detector(), "", "cart-7"), START))


def _by_hand(world: World) -> None:
    (item,) = world.items("act")
    world.committing(lambda: cancel_work(item.pk, START))


def _disable(world: World) -> None:
    Action.objects.update(enabled=False)
    world.run_until(600)


def _delete(world: World) -> None:
    GroupAction.objects.all().delete()
    Action.objects.get().delete()
    world.run_until(600)


def _detector() -> int:
    (item,) = WorkItem.objects.filter(kind="act").select_related("firing")
    assert item.firing is not None
    assert item.firing.detector_id is not None
    return item.firing.detector_id


@pytest.mark.parametrize(
    ("work", "kind", "reason"),
    [
        (_resolve, "t_recorded", "resolved"),
        (_acknowledge, "t_recorded", "acknowledged"),
        (_by_hand, "t_recorded", "by_hand"),
        (_disable, "t_recorded", "disabled"),
        (_delete, "", "gone"),
    ],
)
def test_firing__cancelled(
    world: World, work: Callable[[World], None], kind: str, reason: str
) -> None:
    world.threshold("hot")
    world.workflow("tell", "hot", carries=[LATER])
    world.one(value=11)

    work(world)

    assert _counted("firing", "delivery") == {
        ("firing", "t_recorded", "due:waiting"): 1,
        ("firing", kind, f"cancelled:{reason}"): 1,
    }


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (None, "ok"),
        (HandlerMissing(""), "handler_missing"),
        (EndpointGone(""), "gone"),
        (BlockedAddress(""), "blocked"),
        (Permanent(""), "permanent"),
        (RetryAfter(5), "retry_after"),
        (EndpointFailed(""), "endpoint_failed"),
        (TimeoutError(), "timeout"),
        (AttemptFailed(""), "error"),
        (InvalidRules(["https://user:secret@host"]), "error"),
    ],
)
def test_result_of_attempt(error: Exception | None, result: str) -> None:
    assert result_of_attempt(error) == result
    assert result in RESULTS


def test_lateness__of_the_first_attempt_only(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", carries=[LATER])
    outbox.fail("page", RetryAfter(60), None)
    world.one()

    world.at(601.5).run()
    world.at(700).run()

    (late,) = [f for f in counts.take() if f.counter == "lateness"]
    assert outbox.attempted == ["page", "page"]
    assert (late.count, late.total, late.highest) == (1, 1500.0, 1500.0)


def test_counts__off(world: World, settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"METRICS": False}
    world.detector("orders")
    world.workflow("tell", "orders")

    world.one()
    world.run()

    assert not options.METRICS
    assert counts.take() == []
