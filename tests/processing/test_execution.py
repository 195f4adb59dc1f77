"""Items carried out: by whom, how often, and what happens when one is lost or breaks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from tests.factories import DeliveryFactory
from tests.handlers import Outbox, Script
from tests.processing.world import START, Carry, World
from workflow_engine.actions import Attempt
from workflow_engine.models import (
    Action,
    ActionInterval,
    Decision,
    DetectorState,
    Firing,
    WorkItem,
)
from workflow_engine.processing.buffer import buffer
from workflow_engine.processing.firings import settle_item
from workflow_engine.processing.schedule import (
    cancel_work,
    enqueue_events,
    enqueue_workflow,
)
from workflow_engine.processing.testfire import fire_test, sample_event
from workflow_engine.queue import Cancellation, Draft, cancel, enqueue, lapse, retry

SLOW: dict[str, Any] = {"type": "t_slow"}
HOUR = timedelta(hours=1)


def test_execute__nothing(world: World) -> None:
    assert world.execute() == 0


def test_execute__same_message_twice_runs_once(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    world.one()
    (pair,) = world.claim()

    begun = [world.execute(pair), world.execute(pair)]

    assert begun == [1, 0]
    assert outbox.actions == ["email"]


def test_execute__old_token_is_refused(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    world.one()
    ((item_id, token),) = world.claim()

    assert world.execute((item_id, token + 1), (item_id + 1, token)) == 0
    assert outbox.sent == []


def test_execute__kind_nobody_knows(world: World) -> None:
    draft = Draft(kind="t_unknown", payload={})
    world.committing(lambda: enqueue(draft, now=START, direct=False))

    world.run()

    item = WorkItem.objects.get()
    assert (item.state, item.attempts, item.error_class) == (
        "scheduled",
        1,
        "LookupError",
    )


@pytest.mark.parametrize("kind", ["act", "detect", "evaluate", "event"])
def test_execute__payload_that_cannot_be_read(world: World, kind: str) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    world.one()
    if kind == "act":
        WorkItem.objects.update(payload={"event": 7})
    else:
        WorkItem.objects.all().delete()
        world.sent.clear()
        draft = Draft(kind=kind, payload={"event": 7})
        world.committing(lambda: enqueue(draft, now=START, direct=False))

    world.run_until(7 * 86_400)

    assert WorkItem.objects.get().state == "dead"
    if kind == "act":
        (fate,) = world.firings()
        assert fate[1] == "failed"


def _lose_the_item(work: Callable[[], Any]) -> Callable[..., Any]:
    """Give running items away before the work is done."""

    def losing(*_: Any) -> Any:
        WorkItem.objects.filter(state="running").update(token=99)
        return work()

    return losing


def test_evaluate__item_lost_rolls_everything_back(
    world: World, outbox: Outbox, script: Script
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[SLOW], interval=300)
    world.one()
    before = world.rows()
    script.answer = _lose_the_item(lambda: True)

    world.run_until(2)

    assert world.rows() == before
    assert WorkItem.objects.get().state == "running"
    assert outbox.sent == []


def test_evaluate__item_lost_does_not_cost_its_neighbours(
    world: World, outbox: Outbox, script: Script
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[SLOW])
    world.process(*(world.event(subject=f"cart-{n}") for n in range(3)))

    def lose_the_first(_: Any) -> bool:
        WorkItem.objects.filter(state="running", subject="cart-0").update(token=99)
        return True

    script.answer = lose_the_first
    world.run_until(2)

    assert sorted(m.subject for m in outbox.sent) == ["cart-1", "cart-2"]
    assert WorkItem.objects.get(subject="cart-0").state == "running"


def test_act__item_lost_leaves_the_firing_to_the_other(
    world: World, outbox: Outbox
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    world.one()
    pairs = world.claim()

    def give_away(action: Any) -> None:
        WorkItem.objects.filter(state="running").update(token=99)

    outbox.before_send = give_away
    world.execute(*pairs)

    assert WorkItem.objects.get().state == "running"
    assert world.firings() == [("email", "running", "sent")]


def test_detect__item_lost_rolls_everything_back(world: World, outbox: Outbox) -> None:
    world.absence("silent", 300)
    world.workflow("tell", "silent", carries=["email"], when=["detection.value gt 0"])
    world.one()
    version = DetectorState.objects.get().version
    world.at(300)
    pairs = world.claim()
    WorkItem.objects.update(state="running", token=99, attempts=1, worker="other")

    world.execute(*pairs)

    assert DetectorState.objects.get().version == version
    assert Firing.objects.count() == 0


def test_execute__database_that_is_away_rises_after_the_others_had_their_turn(
    world: World, outbox: Outbox
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", carries=["breaks", "email"])
    world.one()
    pairs = world.claim()
    written: list[str] = []

    def lose_the_first(execute: Any, sql: str, *rest: Any) -> Any:
        if 'INTO "workflow_engine_delivery"' in sql:
            written.append(sql)
            if len(written) == 1:
                raise OperationalError("the server closed the connection")
        return execute(sql, *rest)

    with (
        connection.execute_wrapper(lose_the_first),
        pytest.raises(OperationalError, match="closed the connection"),
    ):
        world.execute(*pairs)

    states = WorkItem.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["running", "done"]


def test_execute__row_that_the_database_refuses_is_an_error_of_its_item(
    world: World, outbox: Outbox
) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", carries=["breaks", "email"])
    world.one()

    def take_the_number(action: str) -> None:
        if action == "breaks":
            firing = Firing.objects.get(action_slug="breaks")
            DeliveryFactory(firing=firing, attempt=1)

    outbox.before_send = take_the_number
    world.execute(*world.claim())

    items = WorkItem.objects.order_by("pk").values_list("state", "error_class")
    assert [state for state, _ in items] == ["scheduled", "done"]
    assert items[0][1].endswith("IntegrityError")


def test_settle__worker_lost_for_the_last_time(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", interval=3600)
    world.one()
    Firing.objects.update(state="running", attempts=1)
    WorkItem.objects.update(
        state="running",
        attempts=8,
        worker="lost",
        lease_ends_at=START - HOUR,
    )

    world.committing(lambda: lapse(now=START, limit=10))

    assert WorkItem.objects.get().state == "dead"
    assert world.firings() == [("email", "failed", "attempts_used")]
    ended = Firing.objects.get().finished_at
    assert ended is not None
    assert ActionInterval.objects.get().held_until <= ended


def test_settle__cancelled_from_outside(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", carries=[Carry(action="page", delay=60)])
    world.one()

    world.committing(lambda: cancel(WorkItem.objects.get().pk, now=START))

    assert world.firings() == [("page", "cancelled", "by_hand")]


@pytest.mark.parametrize("state", ["done", "dead", "cancelled"])
def test_settle__firing_that_has_ended_is_left_alone(world: World, state: str) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    world.one()
    item_id = WorkItem.objects.get().pk
    world.run()

    settle_item(item_id=item_id, state=state, kind="act")

    assert world.firings() == [("email", "succeeded", "sent")]


def test_retry__dead_item_opens_its_firing_again(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    outbox.fail("email", *[OSError("500")] * 8, None)
    world.one()
    world.run_until(7 * 86_400)
    assert world.firings() == [("email", "failed", "attempts_used")]

    retry([WorkItem.objects.get().pk], now=world.clock.now())
    world.run()

    assert world.firings() == [("email", "succeeded", "sent")]
    assert outbox.actions == ["email"]


def test_event_item__is_processed_once(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    event = world.event("e1")

    ids = world.committing(lambda: enqueue_events([event], START, world.send))
    world.committing(lambda: enqueue_events([event], START, world.send))
    world.run()

    assert len(ids) == 1
    assert outbox.actions == ["email"]
    states = WorkItem.objects.filter(kind="event").values_list("state", flat=True)
    assert list(states) == ["done", "done"]


def test_event_item__forgets_its_event_when_it_is_done(world: World) -> None:
    event = world.event("e1", password="hunter2")  # noqa: S106 - the point of it

    world.committing(lambda: enqueue_events([event], START, world.send))
    world.run()

    assert "hunter2" not in str(WorkItem.objects.get().payload)


def test_event_item__that_dies_is_told(world: World) -> None:
    world.committing(lambda: enqueue_events([world.event("e1")], START, None))
    WorkItem.objects.update(
        state="running",
        token=1,
        attempts=8,
        worker="lost",
        lease_ends_at=START - HOUR,
    )

    world.committing(lambda: lapse(now=START, limit=10))
    buffer.flush()

    decision = Decision.objects.get()
    assert (decision.outcome, decision.reason) == ("failed", "event_failed")
    assert decision.event_id == "e1"


def test_schedule__judges_a_workflow_when_due(world: World, outbox: Outbox) -> None:
    when = ['source eq "workflow-engine/schedule"']
    workflow = world.workflow("tell", when=when, environment="production")

    enqueue_workflow(workflow.pk, "cart-7", START + HOUR, START)
    world.run_until(3599)
    early = list(outbox.sent)
    world.run_until(3600)

    assert early == []
    (message,) = outbox.sent
    assert (message.subject, message.at) == ("cart-7", START + HOUR)
    decision = Decision.objects.get()
    assert decision.event_type == "workflow-engine.scheduled"
    assert (decision.environment, decision.event_time) == ("production", START + HOUR)


def test_schedule__two_of_one_subject_are_two(world: World, outbox: Outbox) -> None:
    workflow = world.workflow("tell")

    for hours in (1, 2):
        enqueue_workflow(workflow.pk, "cart-7", START + hours * HOUR, START)
    world.run_until(3 * 3600)

    assert outbox.actions == ["email", "email"]


def test_schedule__slow_conditions_are_asked(world: World, script: Script) -> None:
    workflow = world.workflow("tell", when=[SLOW])

    enqueue_workflow(workflow.pk, "cart-7", START, START)
    world.run()

    assert len(script.calls) == 1
    assert world.firings() == [("email", "succeeded", "sent")]


def test_cancel_work__takes_the_firing_along(world: World, outbox: Outbox) -> None:
    world.detector("orders")
    carries = [Carry(action="page", delay=60)]
    world.workflow("tell", "orders", carries=carries, interval=3600)
    world.one()
    item_id = WorkItem.objects.get().pk

    became = [cancel_work(item_id, START), cancel_work(item_id, START)]
    world.run_until(100)

    assert became == [Cancellation.CANCELLED, Cancellation.TOO_LATE]
    assert world.firings() == [("page", "cancelled", "by_hand")]
    assert outbox.sent == []
    assert ActionInterval.objects.get().held_until == START


def test_cancel_work__of_nothing(world: World) -> None:
    assert cancel_work(7, START) is Cancellation.UNKNOWN


def test_test_fire__keeps_history_and_takes_no_interval(
    world: World, outbox: Outbox
) -> None:
    attempt = _fired(world, world.action("email"))

    assert attempt.error is None
    assert outbox.sent[0].purpose == "test"
    assert world.firings(purpose="test") == [("email", "succeeded", "sent")]
    assert ActionInterval.objects.count() == 0
    assert WorkItem.objects.count() == 0


def _fired(world: World, action: Action) -> Attempt:
    now = world.clock.now()
    return fire_test(action, sample_event(now), now, send_task=None, dry_run=False)
