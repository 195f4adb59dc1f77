"""Tasks: what is sent to the broker, and what a message does when it comes."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery, current_app
from celery._state import get_current_app
from celery.exceptions import Reject
from celery.signals import worker_init
from django.db import connection
from pytest_django import DjangoAssertNumQueries, Settings
from redis import Redis

from tests.factories import (
    ActionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from workflow_engine import clock, tasks
from workflow_engine.exceptions import BrokerRefused, SubmitFailed
from workflow_engine.metrics.counts import counts
from workflow_engine.models import Decision, Firing, WorkItem
from workflow_engine.queue import Draft, enqueue
from workflow_engine.types import Event
from workflow_engine.types.event import to_message

QUEUE = "tasks-under-test"


def _event(event_id: str = "evt-1", **fields: Any) -> Event:
    now = clock.now()
    given = {"source": "/shop", "type": "order.failed", "subject": "cart-7"}
    return Event(id=event_id, time=now, accepted_at=now, **{**given, **fields})


class Box:
    """A queue of the broker, read without a worker."""

    def messages(self) -> list[tuple[str, list[Any]]]:
        """Take everything out: names and arguments, the oldest first."""
        found = []
        with current_app.connection_for_read() as read:
            queue = read.SimpleQueue(QUEUE)
            for _ in range(len(queue)):
                message = queue.get(block=False)
                arguments, _, _ = message.payload
                found.append((message.headers["task"], arguments))
                message.ack()
            queue.close()
        return found


@pytest.fixture
def box(settings: Settings) -> Iterator[Box]:
    """Yield a queue of this test's own, to which both hops send."""
    queues = {"events": QUEUE, "items": QUEUE}
    settings.WORKFLOW_ENGINE = {"CELERY_QUEUES": queues, "EVENT_BATCH": 2}
    redis = Redis.from_url(str(settings.CELERY_BROKER_URL))
    redis.delete(QUEUE)
    yield Box()
    redis.delete(QUEUE)
    redis.close()


@pytest.fixture
def rule() -> None:
    """Have each event of type order.failed write to the log."""
    detector, workflow = DetectorFactory(), WorkflowFactory()
    DetectorWorkflowFactory(detector=detector, workflow=workflow)
    GroupActionFactory(
        group=ConditionGroupFactory(if_group=True, workflow=workflow),
        action=ActionFactory(),
    )


@pytest.mark.parametrize(
    ("executor", "broker", "answer"),
    [
        ("auto", "redis://127.0.0.1:1/0", True),
        ("auto", None, False),
        ("celery", None, True),
        ("threads", "redis://127.0.0.1:1/0", False),
    ],
)
def test_uses_celery(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    executor: str,
    broker: str | None,
    answer: bool,
) -> None:
    settings.WORKFLOW_ENGINE = {"EXECUTOR": executor}
    monkeypatch.setitem(current_app.conf, "broker_write_url", broker)
    monkeypatch.setitem(current_app.conf, "broker_url", broker)

    assert tasks.uses_celery() is answer


@pytest.mark.redis
def test_send_events__at_most_a_batch_in_a_message(box: Box) -> None:
    events = [_event(f"evt-{number}", data={"v": number}) for number in range(5)]

    tasks.send_events(events)

    assert box.messages() == [
        ("workflow_engine.process_events", [[to_message(e) for e in part]])
        for part in (events[:2], events[2:4], events[4:])
    ]


@pytest.mark.redis
def test_send_items__one_message_each(box: Box) -> None:
    tasks.send_items([(7, 1), (8, 3)])

    assert box.messages() == [
        ("workflow_engine.execute_item", [7, 1]),
        ("workflow_engine.execute_item", [8, 3]),
    ]


@pytest.mark.redis
def test_send_task__by_name_with_its_id(box: Box) -> None:
    tasks.send_task("shop.refund", {"cart": "cart-7"}, QUEUE, "a-firing")

    assert box.messages() == [("shop.refund", [])]


@pytest.mark.django_db
def test_process_event__judges_it(rule: None) -> None:
    tasks.process_event(to_message(_event()))

    assert Firing.objects.get().event_id == "evt-1"
    assert Decision.objects.get().outcome == "fired"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "message", [None, "junk", 7, [], {}, {"id": "evt-1"}, {"id": 1}], ids=repr
)
def test_process_event__no_event(
    message: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.process_event(message)

    (record,) = caplog.records
    assert record.message == "A message is not an event and is dropped."
    assert not WorkItem.objects.exists()


@pytest.mark.django_db
def test_process_events__the_good_ones_of_a_batch(rule: None) -> None:
    tasks.process_events([None, to_message(_event()), "junk"])

    assert Firing.objects.get().event_id == "evt-1"


@pytest.mark.django_db
@pytest.mark.parametrize("messages", [None, 7, "junk", {"a": 1}], ids=repr)
def test_process_events__no_batch(
    messages: Any, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.process_events(messages)

    assert "A message is not an event and is dropped." in caplog.messages


@pytest.mark.django_db
@pytest.mark.parametrize(
    "claim",
    [(), (5,), (5, None), ("5", 1), (True, 1), (1, True), (0, 1), (2**63, 1), (1.0, 1)],
    ids=repr,
)
def test_execute_item__no_claim(
    claim: tuple[Any, ...],
    caplog: pytest.LogCaptureFixture,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        tasks.execute_item(*claim)

    (record,) = caplog.records
    assert record.message == "A message is not the claim of an item and is dropped."


@pytest.mark.django_db
def test_execute_item__unknown_item(caplog: pytest.LogCaptureFixture) -> None:
    tasks.execute_item(2**63 - 1, 1)

    assert not WorkItem.objects.exists()
    assert caplog.records == []


@pytest.mark.django_db
def test_execute_item__token_of_another_claim() -> None:
    item = enqueue(Draft(kind="event", payload={}), now=clock.now(), direct=True)

    tasks.execute_item(item.id, item.token + 1)

    assert WorkItem.objects.get().state == "sent"


@pytest.mark.django_db
def test_execute_item__carries_it_out() -> None:
    item = enqueue(Draft(kind="event", payload={}), now=clock.now(), direct=True)

    tasks.execute_item(item.id, item.token)

    row = WorkItem.objects.get()
    assert (row.state, row.attempts) == ("dead", 1)
    assert "the payload cannot be read" in row.error


@pytest.mark.django_db(transaction=True)
def test_process_events__cannot_be_judged(
    rule: None, caplog: pytest.LogCaptureFixture
) -> None:
    with connection.schema_editor() as editor:
        editor.alter_db_table(Firing, Firing._meta.db_table, "firings_hidden")
    try:
        tasks.process_events([to_message(_event()), to_message(_event("evt-2"))])
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(Firing, "firings_hidden", Firing._meta.db_table)

    items = WorkItem.objects.order_by("pk")
    assert [item.payload["event"]["id"] for item in items] == ["evt-1", "evt-2"]
    assert {(item.kind, item.state) for item in items} == {("event", "scheduled")}
    assert "Events could not be judged and become items." in caplog.messages
    assert not Decision.objects.exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_process_event__database_is_away(rule: None) -> None:
    terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute(terminate, [pid])
    other.close()

    began = clock.monotonic()
    with pytest.raises(Reject) as rejected:
        tasks.process_event(to_message(_event()))

    assert vars(rejected.value)["requeue"] is True
    assert clock.monotonic() - began >= tasks.REQUEUE_PAUSE_SECONDS
    connection.close()
    assert not WorkItem.objects.exists()


def test_celery_facts__of_the_project() -> None:
    facts = tasks.celery_facts()

    assert facts == tasks.CeleryFacts(
        has_broker=True,
        is_eager=False,
        time_limit_seconds=120,
        visibility_seconds=3600,
    )


@pytest.mark.parametrize("name", ["process_event", "process_events", "execute_item"])
def test_task__is_acknowledged_late_and_keeps_no_result(name: str) -> None:
    task = current_app.tasks[f"workflow_engine.{name}"]

    assert task.acks_late
    assert task.ignore_result
    assert not task.reject_on_worker_lost


def test_worker__does_not_start_on_refused_settings(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"EVENT_BATCH": "x"}

    with pytest.raises(SystemExit, match=r"'EVENT_BATCH'.* must be a whole number"):
        worker_init.send(sender=None)


@pytest.fixture
def refusing() -> Iterator[None]:
    """Let the broker refuse everything."""
    before = get_current_app()
    app = Celery("refusing", set_as_current=True, broker="no-such-transport://")
    yield
    app.close()
    before.set_current()


def test_send__what_the_broker_refuses_is_counted(refusing: None) -> None:
    with pytest.raises(SubmitFailed):
        tasks.send_events([_event("e1"), _event("e2")])
    with pytest.raises(BrokerRefused):
        tasks.send_items([(1, 1), (2, 1), (3, 1)])

    refused = [f for f in counts.take() if f.counter == "handover"]
    assert [(f.scope, f.reason, f.count) for f in refused] == [
        ("event", "refused", 2),
        ("item", "refused", 3),
    ]
