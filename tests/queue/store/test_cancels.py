import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from tests.queue.items import NOW, draft, item_in, row
from workflow_engine.exceptions import InvalidItem
from workflow_engine.models import Firing
from workflow_engine.queue import begin, cancel, cancel_where, enqueue

MINUTE = timedelta(minutes=1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "first", "second", "ends"),
    [
        ("scheduled", "cancelled", "too_late", "cancelled"),
        ("sent", "cancelled", "too_late", "cancelled"),
        ("running", "requested", "requested", "running"),
        ("done", "too_late", "too_late", "done"),
        ("cancelled", "too_late", "too_late", "cancelled"),
        ("dead", "too_late", "too_late", "dead"),
    ],
)
def test_cancel__twice(state: str, first: str, second: str, ends: str) -> None:
    item = item_in(state)

    answers = [cancel(item.pk, now=NOW), cancel(item.pk, now=NOW + MINUTE)]

    found = row(item.pk)
    assert answers == [first, second]
    assert found.state == ends
    assert found.cancel_requested_at == (NOW if state == "running" else None)


@pytest.mark.django_db
def test_cancel__unknown() -> None:
    assert cancel(10**9, now=NOW) == "unknown"


@pytest.mark.django_db
def test_cancel__message_in_the_broker_begins_nothing() -> None:
    item = item_in("sent")
    cancel(item.pk, now=NOW)

    begun = begin([(item.pk, 1)], now=NOW, worker="worker-1")

    assert begun == []


@pytest.mark.django_db(transaction=True)
def test_cancel__obeys_the_transaction_of_the_caller() -> None:
    item = item_in("scheduled")

    with transaction.atomic():
        cancel(item.pk, now=NOW)
        transaction.set_rollback(True)

    assert row(item.pk).state == "scheduled"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("named", "count"),
    [
        ({"kind": "evaluate"}, 1),
        ({"subject": "cart-7"}, 2),
        ({"key": "k"}, 1),
        ({"kind": "act", "subject": "cart-7"}, 1),
        ({"kind": "act", "key": "k"}, 0),
    ],
    ids=["kind", "subject", "key", "two that one has", "two that none has"],
)
def test_cancel_where__all_that_is_named(
    named: dict[str, Any], count: int, django_assert_num_queries: Any
) -> None:
    item_in("scheduled", kind="evaluate", subject="cart-7", key="k")
    item_in("running", subject="cart-7")
    item_in("done", subject="cart-7")
    item_in("sent", subject="cart-8")

    with django_assert_num_queries(1):
        cancelled = cancel_where(now=NOW, **named)

    assert len(cancelled) == count
    for item_id, answer in cancelled.items():
        is_running = row(item_id).state == "running"
        assert answer == ("requested" if is_running else "cancelled")


@pytest.mark.django_db
def test_cancel_where__firings() -> None:
    names = [uuid.uuid4() for _ in range(3)]
    for name in names:
        Firing.objects.create(uuid=name, trace_id=name, action_slug="email-ops")
    items = [enqueue(draft(firing_id=name), now=NOW, direct=False).id for name in names]

    cancelled = cancel_where(now=NOW, firings=names[:2])

    assert cancelled == dict.fromkeys(items[:2], "cancelled")
    assert row(items[2]).state == "scheduled"


@pytest.mark.django_db
def test_cancel_where__no_firing_is_nothing() -> None:
    item = item_in("scheduled")

    cancelled = cancel_where(now=NOW, firings=[], kind="act")

    assert cancelled == {}
    assert row(item.pk).state == "scheduled"


@pytest.mark.django_db
def test_cancel_where__nothing_named_is_refused() -> None:
    item = item_in("scheduled")

    with pytest.raises(InvalidItem):
        cancel_where(now=NOW)

    assert row(item.pk).state == "scheduled"
