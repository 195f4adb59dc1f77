"""Messages: what is not one of ours, or comes too late, is acknowledged and does no harm."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import current_app
from django.db import connection

from tests.actions.receiver import Receiver
from tests.journeys.children import Child
from tests.journeys.conftest import Broker
from tests.journeys.engine import MAX_ATTEMPTS, QUEUE
from tests.journeys.rules import EVENT, event, rule, wait, wait_for_the_end
from workflow_engine import api
from workflow_engine.models import Decision, Firing, WorkItem
from workflow_engine.types.event import to_message

NOT_A_CLAIM = "A message is not the claim of an item and is dropped."
NOT_AN_EVENT = "A message is not an event and is dropped."


def _send(name: str, *arguments: Any) -> None:
    current_app.send_task(f"workflow_engine.{name}", args=arguments, queue=QUEUE)


@pytest.mark.parametrize(
    ("name", "arguments", "complaint"),
    [
        ("execute_item", [10**9, 1], ""),
        ("execute_item", [5], NOT_A_CLAIM),
        ("execute_item", [], NOT_A_CLAIM),
        ("execute_item", ["5", 1], NOT_A_CLAIM),
        ("execute_item", [True, True], NOT_A_CLAIM),
        ("execute_item", [2**63, 1], NOT_A_CLAIM),
        ("execute_item", [-1, 1], NOT_A_CLAIM),
        ("process_event", ["junk"], NOT_AN_EVENT),
        ("process_event", [{"id": "evt-1"}], NOT_AN_EVENT),
        ("process_event", [None], NOT_AN_EVENT),
        ("process_event", [], NOT_AN_EVENT),
        ("process_events", [[{}, None, 5]], NOT_AN_EVENT),
        ("process_events", [7], NOT_AN_EVENT),
        ("process_events", [[]], ""),
    ],
    ids=repr,
)
def test_message__bad(
    worker: Child, broker: Broker, name: str, arguments: list[Any], complaint: str
) -> None:
    before, pool = len(worker.said()), worker.children()

    _send(name, *arguments)
    wait(
        lambda: "succeeded in" in worker.said()[before:],
        "the worker is done with the message",
    )
    wait(broker.is_empty, "the message is acknowledged")

    said = worker.said()[before:]
    assert complaint in said
    assert "raised unexpected" not in said
    assert worker.children() == pool
    assert not WorkItem.objects.exists()


def test_message__one_of_a_batch_is_no_event(
    worker: Child, receiver: Receiver, broker: Broker
) -> None:
    rule("webhook", {"url": receiver.url()})

    _send("process_events", [{"id": "half"}, to_message(event()), "junk"])
    wait_for_the_end()

    assert Firing.objects.get().event_id == "evt-1"
    assert Decision.objects.count() == 1


def test_message__claim_comes_again_after_the_end(
    worker: Child, receiver: Receiver, broker: Broker
) -> None:
    rule("webhook", {"url": receiver.url()})
    api.submit_event(**EVENT)
    wait_for_the_end()
    item = WorkItem.objects.get()

    _send("execute_item", item.pk, item.token)
    _send("execute_item", item.pk, item.token)
    wait(broker.is_empty, "both messages are acknowledged")

    item.refresh_from_db()
    assert (item.state, item.attempts) == ("done", 1)
    assert len(receiver.requests) == 1


@pytest.fixture
def poison(transactional_db: None) -> Iterator[str]:
    """Yield the id of an event whose firing the database refuses every time."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'poison'; END $$;
            CREATE TRIGGER refuse_poison BEFORE INSERT ON workflow_engine_firing
            FOR EACH ROW WHEN (NEW.event_id = 'poison') EXECUTE FUNCTION refuse_poison()
            """
        )
    yield "poison"
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION refuse_poison CASCADE")


def test_message__one_of_a_batch_fails_every_time(
    worker: Child, receiver: Receiver, start_queue: Callable[..., Child], poison: str
) -> None:
    rule("webhook", {"url": receiver.url()})
    start_queue()

    _send("process_events", [to_message(event(id=poison)), to_message(event())])
    wait_for_the_end()

    assert Firing.objects.get().event_id == "evt-1"
    dead = WorkItem.objects.get(state="dead")
    assert (dead.kind, dead.attempts) == ("event", MAX_ATTEMPTS)
    assert dead.payload["event"]["id"] == poison
    assert "Events could not be judged and become items." in worker.said()
