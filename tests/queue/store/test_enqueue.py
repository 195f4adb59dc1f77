from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test.utils import CaptureQueriesContext

from tests.queue.items import NOW, draft, item_in, row
from workflow_engine.models import WorkItem
from workflow_engine.queue import (
    Draft,
    Enqueued,
    Pair,
    begin,
    enqueue,
    enqueue_many,
    send_after_commit,
)


class RecordingSender:
    """Keeps what it is told to send, or refuses it."""

    def __init__(self, refuses: bool = False) -> None:
        self.sent: list[Pair] = []
        self.calls = 0
        self.refuses = refuses

    def __call__(self, pairs: Sequence[Pair]) -> None:
        self.calls += 1
        if self.refuses:
            raise ConnectionError("the broker is down")
        self.sent += pairs


def _enqueue_and_send(send: RecordingSender, *drafts: Draft) -> list[Enqueued]:
    items = enqueue_many(drafts, now=NOW, direct=True)
    send_after_commit([(item.id, item.token) for item in items if item.token], send)
    return items


@pytest.mark.django_db
def test_enqueue__due_now_is_written_as_sent() -> None:
    item = enqueue(draft(subject="cart-7"), now=NOW, direct=True)

    found = row(item.id)
    assert item == Enqueued(id=found.pk, created=True, token=1)
    assert (found.state, found.token, found.sends) == ("sent", 1, 1)
    assert found.lease_ends_at == NOW + timedelta(seconds=30)
    assert (found.due_at, found.created_at, found.rev) == (NOW, NOW, 1)
    assert (found.lane, found.max_attempts, found.attempts) == ("act", 8, 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "direct"),
    [
        ({}, False),
        ({"due_at": NOW + timedelta(microseconds=1)}, True),
        ({"key": "k"}, True),
    ],
    ids=["nobody sends", "due later", "with a key"],
)
def test_enqueue__written_as_scheduled(given: dict[str, Any], direct: bool) -> None:
    item = enqueue(draft(**given), now=NOW, direct=direct)

    found = row(item.id)
    assert item == Enqueued(id=found.pk, created=True, token=0)
    assert (found.state, found.token, found.lease_ends_at) == ("scheduled", 0, None)


@pytest.mark.django_db
def test_enqueue__past_is_due_now() -> None:
    item = enqueue(draft(due_at=NOW - timedelta(days=9)), now=NOW, direct=True)

    assert item.token == 1


@pytest.mark.django_db
def test_enqueue__no_more_direct_items_than_allowed(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"DIRECT_ITEMS": 2}
    later = draft(due_at=NOW + timedelta(hours=1))

    items = enqueue_many(
        [later, draft(), draft(dedupe_key="d"), draft()], now=NOW, direct=True
    )

    assert [item.token for item in items] == [0, 1, 1, 0]
    assert [row(item.id).state for item in items] == [
        "scheduled",
        "sent",
        "sent",
        "scheduled",
    ]


@pytest.mark.django_db
def test_enqueue_many__answers_in_the_order_of_the_drafts() -> None:
    drafts = [
        draft(key="k", subject="0"),
        draft(subject="1"),
        draft(dedupe_key="d", subject="2"),
        draft(subject="3"),
        draft(key="l", on_taken="move", subject="4"),
    ]

    items = enqueue_many(drafts, now=NOW, direct=True)

    assert [row(item.id).subject for item in items] == ["0", "1", "2", "3", "4"]


@pytest.mark.django_db
def test_enqueue_many__nothing() -> None:
    assert enqueue_many([], now=NOW, direct=True) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_enqueue_many__a_thousand_in_three_statements() -> None:
    drafts = [draft(subject=f"cart-{n}") for n in range(1000)]

    with CaptureQueriesContext(transaction.get_connection()) as queries:
        enqueue_many(drafts, now=NOW, direct=True)

    assert len(queries) <= 3, [query["sql"][:80] for query in queries]
    assert WorkItem.objects.filter(state="sent").count() == 100


@pytest.mark.django_db
def test_enqueue_many__keyed_drafts_of_one_way_in_one_statement(
    django_assert_num_queries: Any,
) -> None:
    refresh = [draft(key=f"k{n % 40}", on_taken="refresh") for n in range(80)]
    plain = [draft() for _ in range(10)]

    with django_assert_num_queries(2):
        items = enqueue_many([*refresh, *plain], now=NOW, direct=True)

    assert [item.created for item in items] == [True] * 40 + [False] * 40 + [True] * 10


@pytest.mark.django_db(transaction=True)
def test_rollback__leaves_nothing() -> None:
    send = RecordingSender()

    with transaction.atomic():
        _enqueue_and_send(send, draft(), draft(), draft())
        transaction.set_rollback(True)

    assert not WorkItem.objects.exists()
    assert send.calls == 0


@pytest.mark.django_db(transaction=True)
def test_savepoint__rolled_back_does_not_silence_what_follows() -> None:
    send = RecordingSender()

    with transaction.atomic():
        with transaction.atomic():
            _enqueue_and_send(send, draft(subject="A"))
            transaction.set_rollback(True)
        (item,) = _enqueue_and_send(send, draft(subject="B"))
        before_commit = list(send.sent)

    assert before_commit == []
    assert send.sent == [(item.id, 1)]
    assert [found.subject for found in WorkItem.objects.all()] == ["B"]


@pytest.mark.django_db(transaction=True)
def test_send__refused_items_are_given_back(caplog: pytest.LogCaptureFixture) -> None:
    send = RecordingSender(refuses=True)

    (item,) = _enqueue_and_send(send, draft())

    found = row(item.id)
    assert (found.state, found.token, found.attempts) == ("scheduled", 1, 0)
    assert (found.due_at, found.lease_ends_at) == (NOW, None)
    assert begin([(item.id, 1)], now=NOW, worker="worker-1") == []
    assert "given back" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_send__one_that_fails_does_not_stop_the_next() -> None:
    broken, working = RecordingSender(refuses=True), RecordingSender()

    with transaction.atomic():
        _enqueue_and_send(broken, draft())
        (item,) = _enqueue_and_send(working, draft())

    assert working.sent == [(item.id, 1)]


@pytest.mark.django_db(transaction=True)
def test_enqueue__autocommit_switched_off_is_scheduled() -> None:
    transaction.set_autocommit(False)
    try:
        item = enqueue(draft(), now=NOW, direct=True)
        transaction.commit()
    finally:
        transaction.set_autocommit(True)

    assert item.token == 0
    assert row(item.id).state == "scheduled"


@pytest.mark.django_db
def test_payload__loses_its_event_unless_dead() -> None:
    payloads = {
        state: item_in(state).payload
        for state in ("scheduled", "sent", "running", "done", "cancelled", "dead")
    }

    kept = {"event": {"id": "8c1"}, "workflow": 7}
    assert payloads == {
        "scheduled": kept,
        "sent": kept,
        "running": kept,
        "done": {"workflow": 7},
        "cancelled": {"workflow": 7},
        "dead": kept,
    }
