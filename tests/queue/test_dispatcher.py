from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.queue.items import NOW, draft, item_in, row
from tests.queue.threads import locked_elsewhere
from workflow_engine import queue
from workflow_engine.clock import ManualClock
from workflow_engine.models import WorkItem
from workflow_engine.queue import Claimed, Dispatcher, Pair, StoreReader

HOUR = timedelta(hours=1)


class RecordingSender:
    """Keeps each call; the call of that number is refused."""

    def __init__(self, refuses_call: int = 0) -> None:
        self.calls: list[list[Pair]] = []
        self.refuses_call = refuses_call

    def __call__(self, pairs: Sequence[Pair]) -> None:
        self.calls.append(list(pairs))
        if len(self.calls) == self.refuses_call:
            raise ConnectionError("the broker is down")


def _dispatcher(send: RecordingSender, at: datetime = NOW, **given: Any) -> Dispatcher:
    return Dispatcher(
        **{"send": send, "clock": ManualClock(at), "reader": StoreReader(), **given}
    )


def _scheduled(count: int) -> list[int]:
    drafts = [draft(subject=f"cart-{n}") for n in range(count)]
    return [item.id for item in queue.enqueue_many(drafts, now=NOW, direct=False)]


@pytest.mark.django_db
def test_pass__nothing_to_do_is_one_query(django_assert_num_queries: Any) -> None:
    send = RecordingSender()
    dispatcher = _dispatcher(send)
    queue.enqueue(draft(due_at=NOW + HOUR), now=NOW, direct=False)
    item_in("running")

    with django_assert_num_queries(1):
        sent = dispatcher.run_once()
        next_due = dispatcher.next_due()

    assert (sent, send.calls) == (0, [])
    assert next_due == NOW + timedelta(seconds=120)


@pytest.mark.django_db
def test_next_due__nothing_is_foreseen() -> None:
    assert _dispatcher(RecordingSender()).next_due() is None


@pytest.mark.django_db
def test_pass__sends_what_is_due_and_nothing_else() -> None:
    send = RecordingSender()
    due = _scheduled(3)
    queue.enqueue(draft(due_at=NOW + HOUR), now=NOW, direct=False)

    sent = _dispatcher(send).run_once()

    assert sent == 3
    assert send.calls == [[(item_id, 1) for item_id in due]]


@pytest.mark.django_db
def test_pass__claims_again_while_claims_are_full(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"CLAIM_ITEMS": 2}
    send = RecordingSender()
    _scheduled(5)

    sent = _dispatcher(send).run_once()

    assert sent == 5
    assert [len(call) for call in send.calls] == [2, 2, 1]


@pytest.mark.django_db
def test_pass__sends_again_what_nobody_began() -> None:
    send = RecordingSender()
    item = item_in("sent")

    dispatcher = _dispatcher(send, NOW + timedelta(seconds=31))
    dispatcher.run_once()

    assert send.calls == [[(item.pk, 1)]]
    assert dispatcher.next_due() == NOW + timedelta(seconds=31 + 60)


@pytest.mark.django_db
def test_pass__ends_lost_runs_of_which_there_are_many(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"CLAIM_ITEMS": 2}
    items = [item_in("running", max_attempts=1) for _ in range(5)]

    _dispatcher(RecordingSender(), NOW + HOUR).run_once()

    assert {row(item.pk).state for item in items} == {"dead"}


@pytest.mark.django_db
def test_pass__lost_item_goes_alone() -> None:
    send = RecordingSender()
    lost = item_in("running")
    queue.lapse(now=NOW + HOUR, limit=10)
    others = _scheduled(2)

    _dispatcher(send, NOW + 2 * HOUR).run_once()

    assert send.calls == [[(item_id, 1) for item_id in others], [(lost.pk, 2)]]


@pytest.mark.django_db
def test_send__refused_items_are_given_back_and_the_owner_is_told() -> None:
    send = RecordingSender(refuses_call=1)
    items = _scheduled(3)

    with pytest.raises(ConnectionError):
        _dispatcher(send).run_once()

    facts = WorkItem.objects.values_list("id", "state", "due_at", "attempts")
    assert set(facts) == {(item_id, "scheduled", NOW, 0) for item_id in items}


@pytest.mark.django_db
def test_send__only_what_was_not_sent_is_given_back() -> None:
    send = RecordingSender(refuses_call=2)
    lost = item_in("running")
    queue.lapse(now=NOW + HOUR, limit=10)
    (other,) = _scheduled(1)

    with pytest.raises(ConnectionError):
        _dispatcher(send, NOW + 2 * HOUR).run_once()

    assert (row(other).state, row(lost.pk).state) == ("sent", "scheduled")


class CallingReader(StoreReader):
    """Calls back between a claim and what comes after it."""

    def __init__(self, after_claim: Callable[[], None]) -> None:
        self._after_claim = after_claim

    def take(self, *, now: datetime, limit: int) -> list[Claimed]:
        taken = super().take(now=now, limit=limit)
        self._after_claim()
        return taken


@pytest.mark.django_db
def test_stop__claim_in_the_air_is_given_back() -> None:
    send = RecordingSender()
    items = _scheduled(10)
    stops: list[bool] = []

    sent = _dispatcher(
        send,
        reader=CallingReader(lambda: stops.append(True)),
        is_stopping=lambda: bool(stops),
    ).run_once()

    facts = WorkItem.objects.values_list("id", "state", "due_at", "attempts")
    assert (sent, send.calls) == (0, [])
    assert set(facts) == {(item_id, "scheduled", NOW, 0) for item_id in items}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_pass__locked_item_is_left_and_found_again() -> None:
    send = RecordingSender()
    dispatcher = _dispatcher(send)
    first, locked, last = _scheduled(3)

    with locked_elsewhere(locked):
        dispatcher.run_once()
        sent_meanwhile = dispatcher.run_once()
        next_due = dispatcher.next_due()
    dispatcher.run_once()

    assert (sent_meanwhile, next_due) == (0, NOW)
    assert send.calls == [[(first, 1), (last, 1)], [(locked, 1)]]
