from datetime import timedelta

import pytest
from django.db import transaction

from tests.queue.items import NOW, draft, item_in, row
from workflow_engine.models import WorkItem
from workflow_engine.queue import begin, claim, enqueue, enqueue_many, release

DAY = timedelta(seconds=86_400)
OLD_ENOUGH = NOW + DAY + timedelta(microseconds=1)


@pytest.mark.django_db
def test_dedupe__second_gets_the_first_and_changes_nothing() -> None:
    first = enqueue(draft(dedupe_key="d", payload={"n": 1}), now=NOW, direct=True)
    before = WorkItem.objects.values().get()

    second = enqueue(
        draft(dedupe_key="d", payload={"n": 2}), now=NOW + DAY, direct=True
    )

    assert (first.created, first.token) == (True, 1)
    assert (second.id, second.created, second.token) == (first.id, False, 0)
    assert WorkItem.objects.values().get() == before


@pytest.mark.django_db
def test_dedupe__twice_in_one_call_creates_once() -> None:
    drafts = [
        draft(dedupe_key="d", payload={"n": 1}),
        draft(dedupe_key="e"),
        draft(dedupe_key="d", payload={"n": 2}),
    ]

    items = enqueue_many(drafts, now=NOW, direct=True)

    assert [item.created for item in items] == [True, True, False]
    assert [item.token for item in items] == [1, 1, 0]
    assert items[0].id == items[2].id
    assert row(items[0].id).payload == {"n": 1}


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["scheduled", "sent", "done", "cancelled", "dead"])
def test_dedupe__old_holder_gives_the_key_up(state: str) -> None:
    old = item_in(state, dedupe_key="d")

    new = enqueue(draft(dedupe_key="d"), now=OLD_ENOUGH, direct=True)

    assert new.created
    assert new.id != old.pk
    assert row(old.pk).dedupe_key is None
    assert row(old.pk).state == state


@pytest.mark.django_db
def test_dedupe__holder_that_has_begun_keeps_its_idempotency_key() -> None:
    old = item_in("running", dedupe_key="d")
    release(old.pk, 1, 1, now=NOW, error=ValueError())

    new = enqueue(draft(dedupe_key="d"), now=OLD_ENOUGH, direct=True)

    assert (new.id, new.created) == (old.pk, False)
    (claimed,) = claim(now=OLD_ENOUGH, limit=10)
    (begun,) = begin([claimed.pair], now=OLD_ENOUGH, worker="worker-1")
    assert begun.idempotency_key == "d"


@pytest.mark.django_db(transaction=True)
def test_dedupe__rollback_of_the_newcomer_gives_the_key_back() -> None:
    old = item_in("done", dedupe_key="d")

    with transaction.atomic():
        enqueue(draft(dedupe_key="d"), now=OLD_ENOUGH, direct=True)
        transaction.set_rollback(True)

    assert row(old.pk).dedupe_key == "d"
