import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from django.db import connection, transaction

from tests.queue.threads import LIMIT_SECONDS
from tests.waiting import wait_until
from workflow_engine.exceptions import NotStarted
from workflow_engine.models import Environment
from workflow_engine.queue import Intake, Pair, ThreadSender


class Gate:
    """Carries out an item when the test lets it, and tells what it holds."""

    def __init__(self) -> None:
        self.entered: list[Pair] = []
        self.left: list[Pair] = []
        self.may_leave = threading.Event()

    def __call__(self, pairs: Sequence[Pair]) -> None:
        (pair,) = pairs
        self.entered.append(pair)
        assert self.may_leave.wait(LIMIT_SECONDS), "the test did not let it go"
        self.left.append(pair)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Return a gate that is open when the test is over."""
    made = Gate()
    yield made
    made.may_leave.set()


@pytest.fixture
def made() -> Iterator[Callable[..., ThreadSender]]:
    """Return a maker of pools that are stopped when the test is over."""
    pools: list[ThreadSender] = []

    def make(execute: Any, threads: int = 1) -> ThreadSender:
        pools.append(ThreadSender(execute, threads))
        return pools[-1]

    yield make
    for pool in pools:
        pool.stop(LIMIT_SECONDS)


def _wait_until_entered(gate: Gate, *pairs: Pair) -> None:
    wait_until(
        lambda: sorted(gate.entered) == sorted(pairs),
        f"{pairs} were entered",
        limit_seconds=LIMIT_SECONDS,
    )


def _threads() -> int:
    return sum(one.name.startswith("workflow-items") for one in threading.enumerate())


def test_send__each_item_by_itself(made: Any) -> None:
    carried_out: list[list[Pair]] = []
    pool = made(lambda pairs: carried_out.append(list(pairs)), threads=4)

    pool([(1, 1), (2, 1)])
    pool([(3, 1)])
    is_empty = pool.drain(LIMIT_SECONDS)

    assert is_empty
    assert sorted(carried_out) == [[(1, 1)], [(2, 1)], [(3, 1)]]


def test_threads__start_with_the_items_and_are_no_more_than_allowed(
    made: Any, gate: Gate
) -> None:
    pool = made(gate, threads=2)
    before = _threads()

    pool([(1, 1)])
    _wait_until_entered(gate, (1, 1))
    with_one = _threads()
    pool([(n, 1) for n in range(2, 6)])
    _wait_until_entered(gate, (1, 1), (2, 1))

    assert (before, with_one, _threads()) == (0, 1, 2)
    assert pool.intake == Intake(
        waiting=((3, 1), (4, 1), (5, 1)), running=((1, 1), (2, 1))
    )


def test_threads__idle_one_is_used_before_another_starts(made: Any) -> None:
    pool = made(lambda _: None, threads=4)

    for n in range(20):
        pool([(n, 1)])
        assert pool.drain(LIMIT_SECONDS)

    assert _threads() <= 2


def test_send__the_same_claim_is_held_once(made: Any, gate: Gate) -> None:
    pool = made(gate, threads=1)
    pool([(1, 1), (2, 1)])
    _wait_until_entered(gate, (1, 1))

    pool([(1, 1), (2, 1), (1, 2)])
    gate.may_leave.set()
    pool.drain(LIMIT_SECONDS)

    assert gate.left == [(1, 1), (2, 1), (1, 2)]


def test_drain__says_when_it_took_too_long(made: Any, gate: Gate) -> None:
    pool = made(gate)
    pool([(1, 1)])

    assert not pool.drain(0.05)


def test_stop__returns_what_was_not_begun_and_waits_for_the_rest(
    made: Any, gate: Gate
) -> None:
    pool = made(gate)
    pool([(1, 1), (2, 1), (3, 1)])
    _wait_until_entered(gate, (1, 1))
    threading.Timer(0.05, gate.may_leave.set).start()

    left = pool.stop(LIMIT_SECONDS)

    assert left == Intake(waiting=((2, 1), (3, 1)), running=())
    assert gate.left == [(1, 1)]
    assert _threads() == 0


def test_stop__names_what_did_not_return_in_time(made: Any, gate: Gate) -> None:
    pool = made(gate)
    pool([(1, 1)])
    _wait_until_entered(gate, (1, 1))

    left = pool.stop(0.05)

    assert left == Intake(waiting=(), running=((1, 1),))


def test_stop__takes_nothing_more(made: Any) -> None:
    carried_out: list[Pair] = []
    pool = made(carried_out.extend)
    pool.stop(LIMIT_SECONDS)

    with pytest.raises(NotStarted):
        pool([(1, 1)])

    assert pool.intake == Intake(waiting=(), running=())
    assert carried_out == []


def test_stop__from_an_item_does_not_wait_for_itself(made: Any) -> None:
    left: list[Intake] = []
    pool: ThreadSender = made(lambda _: left.append(pool.stop(0.05)))

    pool([(1, 1)])

    assert pool.drain(LIMIT_SECONDS)
    assert left == [Intake(waiting=(), running=((1, 1),))]


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_error__is_of_the_item_and_not_of_the_thread(
    error: type[BaseException], made: Any, caplog: pytest.LogCaptureFixture
) -> None:
    carried_out: list[Pair] = []

    def fail_first(pairs: Sequence[Pair]) -> None:
        if pairs == [(1, 1)]:
            raise error
        carried_out.extend(pairs)

    pool = made(fail_first)
    pool([(1, 1), (2, 1)])

    assert pool.drain(LIMIT_SECONDS)
    assert carried_out == [(2, 1)]
    assert error.__name__ in caplog.text


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["atomic", "autocommit"])
def test_transaction__left_open_is_rolled_back(
    how: str, made: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def execute(pairs: Sequence[Pair]) -> None:
        ((item_id, _),) = pairs
        if item_id == 1 and how == "atomic":
            transaction.atomic().__enter__()
        if item_id == 1 and how == "autocommit":
            transaction.set_autocommit(False)
        Environment.objects.create(name=f"environment-{item_id}")

    pool = made(execute)
    pool([(1, 1), (2, 1)])
    pool.drain(LIMIT_SECONDS)

    names = [environment.name for environment in Environment.objects.all()]
    assert names == ["environment-2"]
    assert "left a transaction open" in caplog.text


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_connections__are_closed_with_the_threads(made: Any) -> None:
    pids: list[int] = []

    def execute(_: Sequence[Pair]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pids.append(cursor.fetchone()[0])
        connection.close_at = None  # as with CONN_MAX_AGE None

    pool = made(execute, threads=2)
    pool([(1, 1), (2, 1)])
    pool.drain(LIMIT_SECONDS)

    pool.stop(LIMIT_SECONDS)

    def has_left() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY(%s)", [pids]
            )
            return bool(cursor.fetchone()[0] == 0)

    assert len(pids) == 2
    wait_until(has_left, "the connections were closed", limit_seconds=LIMIT_SECONDS)
