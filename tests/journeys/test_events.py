"""Events: one accepted inside a transaction, through broker and worker, to the action."""

import msgspec
from django.db import transaction

from tests.actions.receiver import Receiver
from tests.journeys.children import Child
from tests.journeys.conftest import Broker
from tests.journeys.engine import QUEUE
from tests.journeys.rules import EVENT, event, rule, wait, wait_for_the_end
from workflow_engine import api, tasks
from workflow_engine.models import Decision, Delivery, EventReceipt, Firing, WorkItem
from workflow_engine.types.event import to_message


def test_event__fires_after_the_commit(
    worker: Child, receiver: Receiver, broker: Broker
) -> None:
    rule("webhook", {"url": receiver.url("/hook")})

    with transaction.atomic():
        event_id = api.submit_event(**EVENT)
        before = (broker.is_empty(), Decision.objects.count(), WorkItem.objects.count())
    wait_for_the_end()

    assert before == (True, 0, 0)
    firing = Firing.objects.get()
    assert (firing.state, firing.reason, firing.attempts) == ("succeeded", "sent", 1)
    assert firing.event_id == event_id
    (request,) = receiver.requests
    body = msgspec.json.decode(request.body)
    assert request.path == "/hook"
    assert request.headers["webhook-id"] == str(firing.uuid)
    assert body["event"]["id"] == event_id
    assert body["event"]["data"] == {"amount": 250}
    decision = Decision.objects.get()
    assert (decision.outcome, decision.reason) == ("fired", "sent")
    assert decision.event_id == event_id
    item = WorkItem.objects.get()
    assert (item.state, item.token, item.attempts, item.sends) == ("done", 1, 1, 1)
    assert item.worker == ""
    assert Delivery.objects.get().ok


def test_event__rolled_back(worker: Child, receiver: Receiver) -> None:
    rule("webhook", {"url": receiver.url()})

    with transaction.atomic():
        api.submit_event(**EVENT, id="lost")
        api.submit_event(**EVENT, id="lost-too", durable=True)
        transaction.set_rollback(True)
    api.submit_event(**EVENT, id="kept")  # goes the same way, and so comes after them
    wait_for_the_end()

    assert [firing.event_id for firing in Firing.objects.all()] == ["kept"]
    assert [decision.event_id for decision in Decision.objects.all()] == ["kept"]
    assert len(receiver.requests) == 1
    assert WorkItem.objects.count() == 1


def test_event__savepoint_rolled_back(worker: Child, receiver: Receiver) -> None:
    rule("webhook", {"url": receiver.url()})

    with transaction.atomic():
        with transaction.atomic():
            api.submit_event(**EVENT, id="lost")
            api.submit_event(**EVENT, id="lost-too", durable=True)
            transaction.set_rollback(True)
        api.submit_event(**EVENT, id="kept")
        api.submit_event(**EVENT, id="kept-too", durable=True)
    wait_for_the_end(2)

    fired = sorted(firing.event_id for firing in Firing.objects.all())
    assert fired == ["kept", "kept-too"]


def test_event__matches_nothing(worker: Child) -> None:
    api.submit_event(**EVENT)
    wait(Decision.objects.exists, "the sampled decision is written")

    decision = Decision.objects.get()
    assert (decision.outcome, decision.reason) == ("no_match", "no_detector")
    assert not WorkItem.objects.exists()
    assert not EventReceipt.objects.exists()


def test_durable_event__item_of_the_same_transaction(
    worker: Child, receiver: Receiver
) -> None:
    rule("webhook", {"url": receiver.url()})

    with transaction.atomic():
        event_id = api.submit_event(**EVENT, durable=True)
        item = WorkItem.objects.get()
    wait_for_the_end()

    assert (item.kind, item.state, item.token) == ("event", "sent", 1)
    assert item.payload["event"]["id"] == event_id
    item.refresh_from_db()
    assert (item.state, item.attempts) == ("done", 1)
    assert Firing.objects.get().state == "succeeded"


def test_event__message_comes_twice(worker: Child, receiver: Receiver) -> None:
    rule("webhook", {"url": receiver.url()})
    message = to_message(event())

    for _ in range(3):
        tasks.process_event.apply_async(args=(message,), queue=QUEUE)
    wait(lambda: Decision.objects.count() == 3, "every copy has been judged")
    wait_for_the_end()

    outcomes = sorted(Decision.objects.values_list("outcome", "reason"))
    assert outcomes == [("fired", "sent"), *[("held", "duplicate_event")] * 2]
    assert Firing.objects.count() == EventReceipt.objects.count() == 1
    assert len(receiver.requests) == 1
