"""Retries: an action that fails is sent again by the queue, and is dead after the last try."""

from collections.abc import Callable
from itertools import pairwise

from tests.actions.receiver import Exchange, Receiver
from tests.journeys.children import Child
from tests.journeys.engine import MAX_ATTEMPTS
from tests.journeys.rules import EVENT, rule, wait_for_the_end
from workflow_engine import api
from workflow_engine.models import Delivery, Firing, WorkItem


class Answers:
    """Answers with these codes in turn, the last one for ever."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)

    def __call__(self, exchange: Exchange) -> None:
        code = self.codes.pop(0) if len(self.codes) > 1 else self.codes[0]
        exchange.answer(code)


def test_action__fails_once(
    worker: Child, receiver: Receiver, start_queue: Callable[..., Child]
) -> None:
    rule("webhook", {"url": receiver.url()})
    receiver.answer = Answers(503, 200)
    start_queue()

    api.submit_event(**EVENT)
    wait_for_the_end()

    firing = Firing.objects.get()
    item = WorkItem.objects.get()
    assert (firing.state, firing.reason, firing.attempts) == ("succeeded", "sent", 2)
    assert (item.state, item.attempts, item.token) == ("done", 2, 2)
    first, second = Delivery.objects.order_by("attempt")
    assert (first.status, first.ok, second.status, second.ok) == (503, False, 200, True)
    # The back-off is never below a second, however short it is set.
    assert (second.started_at - first.started_at).total_seconds() >= 1
    keys = [request.headers["webhook-id"] for request in receiver.requests]
    assert keys == [str(firing.uuid)] * 2


def test_action__fails_every_time(
    worker: Child, receiver: Receiver, start_queue: Callable[..., Child]
) -> None:
    rule("webhook", {"url": receiver.url()})
    receiver.answer = Answers(500)
    start_queue()

    api.submit_event(**EVENT)
    wait_for_the_end()

    firing = Firing.objects.get()
    item = WorkItem.objects.get()
    assert (firing.state, firing.reason) == ("failed", "attempts_used")
    assert (item.state, item.attempts) == ("dead", MAX_ATTEMPTS)
    assert "500" in item.error
    deliveries = Delivery.objects.order_by("attempt")
    assert [one.attempt for one in deliveries] == [1, 2]
    assert all(a.started_at < b.started_at for a, b in pairwise(deliveries))
    assert len(receiver.requests) == MAX_ATTEMPTS


def test_action__refused_for_good(worker: Child, receiver: Receiver) -> None:
    rule("webhook", {"url": receiver.url()})
    receiver.answer = Answers(404)

    api.submit_event(**EVENT)
    wait_for_the_end()

    firing = Firing.objects.get()
    item = WorkItem.objects.get()
    assert (firing.state, firing.reason, firing.attempts) == ("failed", "permanent", 1)
    assert (item.state, item.attempts) == ("dead", 1)
    assert len(receiver.requests) == 1
