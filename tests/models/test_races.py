"""Two workers and one row: whatever the order, one wins and the other knows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from tests.factories import (
    ActionFactory,
    DetectorFactory,
    DetectorStateFactory,
    FiringFactory,
    WorkflowFactory,
    receipt_key,
)
from tests.waiting import wait_until
from workflow_engine.models import (
    Acquisition,
    ActionInterval,
    Bucket,
    DetectorState,
    EventCount,
    EventReceipt,
    IntervalKey,
)

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

NOW = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
LIMIT_SECONDS = 10
ROUNDS = 50

T = TypeVar("T")


@pytest.fixture
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def _alone(work: Callable[[], T]) -> T:
    """Do the work on a connection of this thread's own."""
    try:
        with transaction.atomic():
            return work()
    finally:
        connection.close()


def _done(work: Callable[[], T]) -> T:
    with transaction.atomic():
        return work()


def _second_waits_for_first(
    pool: ThreadPoolExecutor,
    first: Callable[[], T],
    second: Callable[[], T],
    *,
    first_commits: bool,
) -> tuple[T, T]:
    """Hold the first transaction open until the second waits for one of its rows."""
    with transaction.atomic():
        answer = first()
        waiting = pool.submit(_alone, second)
        wait_until(
            lambda: _waiting_backends() == 1 or waiting.done(),
            "the second worker met the first one's lock",
            limit_seconds=LIMIT_SECONDS,
        )
        assert not waiting.done(), "the second worker did not wait"
        transaction.set_rollback(not first_commits)
    return answer, waiting.result(LIMIT_SECONDS)


def _waiting_backends() -> int:
    with connection.cursor() as cursor:
        # Unlike pg_stat_activity, this is read anew within one transaction.
        cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        (count,) = cursor.fetchone()
    return int(count)


def _at_once(pool: ThreadPoolExecutor, work: list[Callable[[], T]]) -> list[T]:
    """Let all begin at the same moment."""
    gate = threading.Barrier(len(work))

    def run(one: Callable[[], T]) -> T:
        connection.ensure_connection()
        gate.wait(LIMIT_SECONDS)
        return _alone(one)

    return [f.result(LIMIT_SECONDS) for f in [pool.submit(run, w) for w in work]]


def _interval_key() -> IntervalKey:
    return IntervalKey(WorkflowFactory().pk, ActionFactory().pk, "", "cart-7")


def _acquire(key: IntervalKey, firing: UUID, now: datetime = NOW) -> Callable[[], bool]:
    def work() -> bool:
        asked = Acquisition(key=key, held_until=now + HALF_HOUR, firing=firing)
        held = ActionInterval.objects.acquire([asked], now=now)
        _write_firing(firing)
        return held[key].is_of(firing)

    return work


def _write_firing(firing: UUID) -> None:
    """Write it alone: the counters of factories are not made for threads."""
    FiringFactory(
        uuid=firing,
        **dict.fromkeys(("detector", "workflow", "action")),
        **{f"{end}_slug": end for end in ("detector", "workflow", "action")},
    )


@pytest.mark.parametrize("expired", [False, True], ids=["fresh", "expired"])
@pytest.mark.parametrize("first_commits", [True, False], ids=["commit", "rollback"])
def test_acquire__second_waits_and_is_told(
    workers: ThreadPoolExecutor, expired: bool, first_commits: bool
) -> None:
    key = _interval_key()
    if expired:
        _done(_acquire(key, uuid4(), now=NOW - HALF_HOUR))

    won = _second_waits_for_first(
        workers,
        _acquire(key, uuid4()),
        _acquire(key, uuid4()),
        first_commits=first_commits,
    )

    assert won == (True, not first_commits)


@pytest.mark.parametrize("expired", [False, True], ids=["fresh", "expired"])
def test_acquire__one_wins_every_round(
    workers: ThreadPoolExecutor, expired: bool
) -> None:
    for _ in range(ROUNDS):
        key = _interval_key()
        if expired:
            _done(_acquire(key, uuid4(), now=NOW - HALF_HOUR))

        won = _at_once(workers, [_acquire(key, uuid4()) for _ in range(4)])

        assert sorted(won) == [False, False, False, True]


def test_acquire__many_keys_in_opposite_orders(workers: ThreadPoolExecutor) -> None:
    keys = [_interval_key()._replace(subject=f"cart-{n}") for n in range(20)]

    def acquire(order: list[IntervalKey]) -> Callable[[], int]:
        firing = uuid4()

        def work() -> int:
            asked = [
                Acquisition(key=key, held_until=NOW + HALF_HOUR, firing=firing)
                for key in order
            ]
            held = ActionInterval.objects.acquire(asked, now=NOW)
            _write_firing(firing)
            return sum(holding.is_of(firing) for holding in held.values())

        return work

    won = _at_once(workers, [acquire(keys), acquire(keys[::-1])])

    assert sorted(won) == [0, len(keys)]


@pytest.mark.parametrize("first_commits", [True, False], ids=["commit", "rollback"])
@pytest.mark.parametrize("received", [None, NOW - 2 * HALF_HOUR], ids=["new", "old"])
def test_claim__second_waits_and_is_told(
    workers: ThreadPoolExecutor, received: datetime | None, first_commits: bool
) -> None:
    key = receipt_key("event-1")
    if received:
        EventReceipt.objects.create(key=key, received_at=received)

    def claim() -> set[str]:
        return EventReceipt.objects.claim([key], now=NOW, renew_before=NOW - HALF_HOUR)

    claimed = _second_waits_for_first(
        workers, claim, claim, first_commits=first_commits
    )

    assert claimed == ({key}, set() if first_commits else {key})


@pytest.mark.parametrize("first_commits", [True, False], ids=["commit", "rollback"])
@pytest.mark.parametrize("stored", [0, 3], ids=["new", "stored"])
def test_publish__second_is_refused(
    workers: ThreadPoolExecutor, stored: int, first_commits: bool
) -> None:
    detector = DetectorFactory()
    if stored:
        DetectorStateFactory(detector=detector, subject="cart-7", version=stored)

    def publish(priority: int) -> Callable[[], set[Any]]:
        state = DetectorState(
            detector=detector, subject="cart-7", version=stored + 1, priority=priority
        )
        return lambda: DetectorState.objects.publish([state])

    refused = _second_waits_for_first(
        workers, publish(75), publish(25), first_commits=first_commits
    )

    key = (detector.pk, "", "cart-7")
    assert refused == (set(), {key} if first_commits else set())
    state = DetectorState.objects.get()
    assert (state.version, state.priority) == (stored + 1, 75 if first_commits else 25)


def test_add__nothing_is_lost(workers: ThreadPoolExecutor) -> None:
    buckets = [
        Bucket(counter="condition:1", environment="", subject="", step=1, bucket=n)
        for n in range(10)
    ]

    def add(order: list[Bucket]) -> Callable[[], None]:
        return lambda: EventCount.objects.add([(bucket, 1) for bucket in order])

    for _ in range(ROUNDS):
        _at_once(workers, [add(buckets), add(buckets[::-1])])

    assert set(EventCount.objects.values_list("count", flat=True)) == {2 * ROUNDS}


def test_release__meets_an_acquisition(workers: ThreadPoolExecutor) -> None:
    key = _interval_key()
    failed, following = uuid4(), uuid4()
    _done(_acquire(key, failed))

    def release() -> bool:
        return ActionInterval.objects.release([failed], NOW) == 1

    done = _second_waits_for_first(
        workers, release, _acquire(key, following), first_commits=True
    )

    assert done == (True, True)
