"""Two at one item, in the order the test says, held up by locks of the database."""

import threading
from datetime import timedelta

import pytest
from django.db import transaction

from tests.queue.items import NOW, draft, item_in, row
from tests.queue.threads import (
    LIMIT_SECONDS,
    elsewhere,
    locked_elsewhere,
    wait_until_somebody_waits,
)
from workflow_engine import queue, signals
from workflow_engine.models import WorkItem

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

HOUR = timedelta(hours=1)


def test_begin__one_message_delivered_to_two_workers() -> None:
    item = item_in("sent")
    pair = (item.pk, 1)
    with locked_elsewhere(item.pk):
        deliveries = [
            elsewhere(lambda: queue.begin([pair], now=NOW, worker="worker-1")),
            elsewhere(lambda: queue.begin([pair], now=NOW, worker="worker-2")),
        ]
        wait_until_somebody_waits(2)

    begun = [one for call in deliveries for one in call.result(LIMIT_SECONDS)]

    queue.release(item.pk, 1, 1, now=NOW, error=ValueError())
    (claimed,) = queue.claim(now=NOW + HOUR, limit=10)
    third = queue.begin([pair], now=NOW + HOUR, worker="worker-3")
    (second_attempt,) = queue.begin([claimed.pair], now=NOW + HOUR, worker="worker-3")
    assert [one.attempt for one in begun] == [1]
    assert third == []
    assert (second_attempt.token, second_attempt.attempt) == (2, 2)


@pytest.mark.parametrize("limit", [100, 30])
def test_claim__two_runners_share_what_is_due(limit: int) -> None:
    drafts = [draft(subject=f"cart-{n}") for n in range(100)]
    items = queue.enqueue_many(drafts, now=NOW, direct=False)
    together = threading.Barrier(2, timeout=LIMIT_SECONDS)

    def claim_all() -> list[tuple[int, int]]:
        together.wait()
        pairs: list[tuple[int, int]] = []
        # Rows that the other one is just claiming are skipped, not waited for.
        while WorkItem.objects.filter(state="scheduled").exists():
            pairs += [one.pair for one in queue.claim(now=NOW, limit=limit)]
        return pairs

    runners = [elsewhere(claim_all) for _ in range(2)]
    first, second = (runner.result(LIMIT_SECONDS) for runner in runners)

    assert sorted(first + second) == sorted((item.id, 1) for item in items)
    assert set(WorkItem.objects.values_list("state", "token")) == {("sent", 1)}


def test_claim__goes_past_a_locked_row_and_locks_no_more_than_it_takes() -> None:
    drafts = [draft(subject="cart-7", due_at=NOW - timedelta(n)) for n in range(5)]
    items = queue.enqueue_many(drafts, now=NOW, direct=False)
    in_order = [item.id for item in reversed(items)]

    with locked_elsewhere(in_order[2]), transaction.atomic():
        first = queue.claim(now=NOW, limit=3)
        rest = elsewhere(lambda: queue.claim(now=NOW, limit=3)).result(LIMIT_SECONDS)

    last = queue.claim(now=NOW, limit=3)
    claimed = [[one.id for one in part] for part in (first, rest, last)]
    assert claimed == [
        [in_order[0], in_order[1], in_order[3]],
        [in_order[4]],
        [in_order[2]],
    ]


def test_cancel__comes_first_while_finish_waits() -> None:
    item = item_in("running")
    heard = []

    def listen(item_id: int, state: str, **_: object) -> None:
        heard.append((item_id, state))

    signals.item_finished.connect(listen)
    try:
        with transaction.atomic():
            answer = queue.cancel(item.pk, now=NOW)
            finishing = elsewhere(
                lambda: queue.finish(item.pk, 1, 1, now=NOW, result={"sent": 1})
            )
            wait_until_somebody_waits()
        counts = finishing.result(LIMIT_SECONDS)
    finally:
        signals.item_finished.disconnect(listen)

    assert (answer, counts) == ("requested", True)
    assert (row(item.pk).state, row(item.pk).result) == ("done", {"sent": 1})
    assert heard == [(item.pk, "done")]


@pytest.mark.parametrize(
    ("state", "answer", "ends"),
    [("scheduled", "cancelled", "cancelled"), ("sent", "requested", "running")],
)
def test_cancel__item_on_its_way_from_one_state_to_the_next(
    state: str, answer: str, ends: str
) -> None:
    item = item_in(state)
    with transaction.atomic():
        if state == "scheduled":
            queue.claim(now=NOW, limit=1)
        else:
            queue.begin([(item.pk, 1)], now=NOW, worker="worker-1")
        cancelling = elsewhere(lambda: queue.cancel(item.pk, now=NOW))
        wait_until_somebody_waits()

    found = cancelling.result(LIMIT_SECONDS)

    assert found == answer
    assert row(item.pk).state == ends
    assert (row(item.pk).cancel_requested_at is not None) == (ends == "running")


@pytest.mark.parametrize("on_taken", ["keep", "refresh", "move"])
def test_key__of_an_item_that_is_just_being_claimed_is_free(on_taken: str) -> None:
    first = queue.enqueue(draft(key="k", payload={"n": 1}), now=NOW, direct=True)
    new = draft(key="k", payload={"n": 2}, on_taken=on_taken)
    with transaction.atomic():
        queue.claim(now=NOW, limit=1)
        enqueuing = elsewhere(lambda: queue.enqueue(new, now=NOW, direct=True))
        wait_until_somebody_waits()

    second = enqueuing.result(LIMIT_SECONDS)

    queue.begin([(first.id, 1)], now=NOW, worker="worker-1")
    state = queue.release(first.id, 1, 1, now=NOW, error=ValueError())
    assert second.created
    assert state == "scheduled"
    assert {found.pk: found.payload["n"] for found in WorkItem.objects.all()} == {
        first.id: 1,
        second.id: 2,
    }


@pytest.mark.parametrize("on_taken", ["keep", "refresh", "move"])
def test_key__met_item_is_not_claimed_before_the_facts_are_committed(
    on_taken: str,
) -> None:
    first = queue.enqueue(draft(key="k"), now=NOW, direct=True)
    new = draft(key="k", on_taken=on_taken, due_at=NOW)

    with transaction.atomic():
        queue.enqueue(new, now=NOW, direct=True)
        early = elsewhere(lambda: queue.claim(now=NOW, limit=1)).result(LIMIT_SECONDS)

    assert early == []
    assert [one.id for one in queue.claim(now=NOW, limit=1)] == [first.id]


@pytest.mark.parametrize("commits", [True, False], ids=["commits", "rolls back"])
def test_dedupe__second_waits_for_the_first(commits: bool) -> None:
    with transaction.atomic():
        first = queue.enqueue(draft(dedupe_key="d"), now=NOW, direct=True)
        enqueuing = elsewhere(
            lambda: queue.enqueue(draft(dedupe_key="d"), now=NOW, direct=True)
        )
        wait_until_somebody_waits()
        transaction.set_rollback(not commits)

    second = enqueuing.result(LIMIT_SECONDS)

    assert second.created != commits
    assert (second.id == first.id) == commits
    assert [found.pk for found in WorkItem.objects.all()] == [second.id]


def test_lapse__leaves_alone_what_was_renewed_meanwhile() -> None:
    item = item_in("running")
    with transaction.atomic():
        queue.renew([(item.pk, 1)], now=NOW + HOUR, worker="worker-1")
        lapsing = elsewhere(lambda: queue.lapse(now=NOW + HOUR, limit=10))
        wait_until_somebody_waits()

    lapsed = lapsing.result(LIMIT_SECONDS)

    assert lapsed == {}
    assert row(item.pk).state == "running"
