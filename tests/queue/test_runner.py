import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.queue.items import NOW, draft
from tests.queue.threads import LIMIT_SECONDS
from tests.waiting import wait_until
from workflow_engine import clock, queue
from workflow_engine.clock import ManualClock
from workflow_engine.exceptions import AlreadyRunning
from workflow_engine.models import WorkItem
from workflow_engine.queue import Claimed, Coming, Pair, Runner, StoreReader

# A loop in the thread of the test looks after the connections of that thread.
pytestmark = pytest.mark.django_db

NOTHING = Coming(due_at=None, lease_ends_at=None)


class ScriptedReader:
    """Says what is coming, and counts who asks."""

    def __init__(self, coming: Callable[[], Coming] = lambda: NOTHING) -> None:
        self._coming = coming
        self.looks = 0
        self.takes = 0

    def coming(self) -> Coming:
        self.looks += 1
        return self._coming()

    def take(self, *, now: datetime, limit: int) -> list[Claimed]:
        self.takes += 1
        return []


def _send_nothing(_: object) -> None:
    raise AssertionError("nothing is to be sent")


@pytest.fixture
def seldom(settings: Any) -> None:
    """Let no poll explain what a wake should."""
    settings.WORKFLOW_ENGINE = {"POLL_SECONDS": 60}


@pytest.fixture
def made() -> Iterator[Callable[..., Runner]]:
    """Return a maker of runners that are stopped when the test is over."""
    runners: list[Runner] = []

    def make(reader: Any, **given: Any) -> Runner:
        runner = Runner(**{"send": _send_nothing, "reader": reader, **given})
        runners.append(runner)
        return runner

    yield make
    for runner in runners:
        runner.stop(LIMIT_SECONDS)


def _wait_for_looks(reader: ScriptedReader, count: int) -> None:
    wait_until(
        lambda: reader.looks >= count,
        f"the runner looked {count} times; it looked {reader.looks} times",
        limit_seconds=LIMIT_SECONDS,
    )


def test_run_until__asked_after_each_pass(made: Any) -> None:
    reader = ScriptedReader()
    runner = made(reader, clock=ManualClock(NOW))

    runner.run_until(lambda: True)

    assert reader.looks == 1
    assert not runner.is_running


@pytest.mark.usefixtures("seldom")
def test_wake__cuts_the_sleep_short(made: Any) -> None:
    reader = ScriptedReader()
    runner = made(reader)
    runner.start()
    _wait_for_looks(reader, 1)

    runner.wake()

    _wait_for_looks(reader, 2)


@pytest.mark.usefixtures("seldom")
def test_wake__thousand_during_one_look_cost_one_more(made: Any) -> None:
    def wake_when_first() -> Coming:
        if reader.looks == 1:
            for _ in range(1000):
                runner.wake()
        return NOTHING

    reader = ScriptedReader(wake_when_first)
    runner = made(reader)

    runner.start()

    _wait_for_looks(reader, 2)
    runner.stop(LIMIT_SECONDS)
    assert reader.looks == 2


@pytest.mark.usefixtures("seldom")
def test_sleep__until_exactly_the_next_moment(made: Any) -> None:
    due_at = clock.now() + timedelta(seconds=0.3)
    taken_at: list[datetime] = []

    class Reader(ScriptedReader):
        def take(self, *, now: datetime, limit: int) -> list[Claimed]:
            taken_at.append(clock.now())
            return []

    runner = made(Reader(lambda: Coming(due_at=due_at, lease_ends_at=None)))

    runner.run_until(lambda: bool(taken_at))

    assert timedelta() <= taken_at[0] - due_at < timedelta(seconds=1)


def test_sleep__no_longer_than_the_poll(made: Any, settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"POLL_SECONDS": 0.05}
    reader = ScriptedReader()
    runner = made(reader)

    runner.start()

    _wait_for_looks(reader, 3)


def test_sleep__due_item_that_somebody_holds_is_not_asked_for_without_pause(
    made: Any,
) -> None:
    reader = ScriptedReader(lambda: Coming(due_at=NOW, lease_ends_at=None))
    runner = made(reader, clock=ManualClock(NOW))
    began = clock.monotonic()

    runner.run_until(lambda: reader.takes == 4)

    assert clock.monotonic() - began >= 0.1 + 0.2 + 0.4


def test_error__is_told_and_the_pass_tried_again(made: Any) -> None:
    told: list[Exception] = []

    def fail_twice() -> Coming:
        if reader.looks <= 2:
            raise ConnectionError(f"look {reader.looks}")
        return NOTHING

    reader = ScriptedReader(fail_twice)
    runner = made(reader, on_error=told.append)

    runner.run_until(lambda: reader.looks == 3)

    assert [str(error) for error in told] == ["look 1", "look 2"]


def test_error__owner_that_raises_does_not_end_the_loop(
    made: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def raise_again(error: Exception) -> None:
        raise ZeroDivisionError

    def fail_once() -> Coming:
        if reader.looks == 1:
            raise ConnectionError
        return NOTHING

    reader = ScriptedReader(fail_once)
    runner = made(reader, on_error=raise_again)

    runner.run_until(lambda: reader.looks == 2)

    assert "ZeroDivisionError" in caplog.text


def test_error__wakes_cut_the_back_off_to_a_tenth_of_a_second(made: Any) -> None:
    def fail_and_be_woken() -> Coming:
        runner.wake()
        raise ConnectionError

    reader = ScriptedReader(fail_and_be_woken)
    runner = made(reader)
    began = clock.monotonic()

    runner.run_until(lambda: reader.looks == 5)

    assert 0.4 <= clock.monotonic() - began < 3


def test_stop__during_a_long_back_off(made: Any) -> None:
    def fail() -> Coming:
        raise ConnectionError

    reader = ScriptedReader(fail)
    runner = made(reader)
    runner.start()
    _wait_for_looks(reader, 3)

    has_ended = runner.stop(LIMIT_SECONDS)

    looks = reader.looks
    assert has_ended
    assert not runner.is_running
    assert looks == reader.looks


@pytest.mark.usefixtures("seldom")
def test_start__twice_and_again_after_the_stop(made: Any) -> None:
    reader = ScriptedReader()
    runner = made(reader)
    runner.start()

    with pytest.raises(AlreadyRunning):
        runner.start()
    with pytest.raises(AlreadyRunning):
        runner.run()

    assert runner.stop(LIMIT_SECONDS)
    assert runner.stop(LIMIT_SECONDS)
    looks = reader.looks
    runner.start()
    _wait_for_looks(reader, looks + 1)


def test_stop__before_the_start(made: Any) -> None:
    runner = made(ScriptedReader())

    assert runner.stop(0)
    assert not runner.is_running


def test_stop__from_the_loop_itself_returns_at_once(made: Any) -> None:
    answers: list[bool] = []

    def stop() -> Coming:
        answers.append(runner.stop(LIMIT_SECONDS))
        return NOTHING

    runner = made(ScriptedReader(stop))

    runner.run()

    assert answers == [False]
    assert not runner.is_running


@pytest.mark.usefixtures("seldom")
def test_stop__by_a_signal_handler_in_the_thread_of_the_loop(made: Any) -> None:
    runner = made(ScriptedReader())
    before = signal.signal(signal.SIGALRM, lambda *_: runner.stop(LIMIT_SECONDS))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    began = clock.monotonic()
    try:
        runner.run()
    finally:
        signal.signal(signal.SIGALRM, before)

    assert clock.monotonic() - began < LIMIT_SECONDS


@pytest.mark.usefixtures("seldom")
def test_stop__says_when_the_loop_did_not_end_in_time(made: Any) -> None:
    may_go = threading.Event()

    def hang() -> Coming:
        assert may_go.wait(LIMIT_SECONDS)
        return NOTHING

    reader = ScriptedReader(hang)
    runner = made(reader)
    runner.start()
    _wait_for_looks(reader, 1)

    in_time = runner.stop(0.05)
    may_go.set()

    assert not in_time
    assert runner.stop(LIMIT_SECONDS)


@pytest.mark.usefixtures("seldom")
def test_fork__runner_inherited_is_not_started(
    made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = ScriptedReader()
    runner = made(reader)
    runner.start()
    _wait_for_looks(reader, 1)

    with monkeypatch.context() as child:
        child.setattr(os, "getpid", lambda: -1)
        is_running = runner.is_running

    assert not is_running
    assert runner.is_running


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("seldom")
def test_stop__while_a_claim_is_in_the_air(made: Any) -> None:
    items = queue.enqueue_many(
        [draft(subject=f"{n}", due_at=NOW) for n in range(10)], now=NOW, direct=False
    )
    is_claimed, may_return = threading.Event(), threading.Event()

    class SlowReader(StoreReader):
        def take(self, *, now: datetime, limit: int) -> list[Claimed]:
            taken = super().take(now=now, limit=limit)
            is_claimed.set()
            assert may_return.wait(LIMIT_SECONDS)
            return taken

    runner = made(SlowReader())
    runner.start()
    assert is_claimed.wait(LIMIT_SECONDS), "nothing was claimed"

    runner.stop(0)
    may_return.set()
    runner.stop(LIMIT_SECONDS)

    facts = WorkItem.objects.values_list("id", "state", "due_at", "attempts")
    assert set(facts) == {(item.id, "scheduled", NOW, 0) for item in items}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("seldom")
def test_runner__sends_from_the_store_once_woken(made: Any) -> None:
    sent: list[Pair] = []
    runner = made(None, send=sent.extend)
    runner.start()

    item = queue.enqueue(draft(), now=clock.now(), direct=False)
    runner.wake()

    wait_until(
        lambda: sent == [(item.id, 1)],
        "the item was sent",
        limit_seconds=LIMIT_SECONDS,
    )
