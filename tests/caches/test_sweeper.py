"""The sweeper: begins with a sweep, is woken, and is ended by no error."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue

import pytest
from django.db import OperationalError, connection, connections
from pytest_django import Settings

from tests.queue.threads import LIMIT_SECONDS, elsewhere
from tests.waiting import wait_until
from workflow_engine import clock
from workflow_engine.caches.sweeper import HOOK_SECONDS, Sweeper
from workflow_engine.exceptions import AlreadyRunning, CacheUnavailable
from workflow_engine.metrics.counts import counts

AWAY = CacheUnavailable("connection", "nobody is there")
INTERRUPTED: frozenset[str] = frozenset()
NOTHING: frozenset[str] = frozenset()
SPOKEN = frozenset({"outbox"})
LONG_SECONDS = 123


class Bed:
    """What a sweeper sleeps on: each wait ends when the test says how."""

    def __init__(self, happened: "SimpleQueue[str]") -> None:
        self.answers: SimpleQueue[frozenset[str] | Exception] = SimpleQueue()
        self.asked_seconds: list[float] = []
        self.is_closed = False
        self._happened = happened

    def wait(self, seconds: float) -> frozenset[str]:
        self.asked_seconds.append(seconds)
        self._happened.put("wait")
        answer = self.answers.get(timeout=LIMIT_SECONDS)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def interrupt(self) -> None:
        self.answers.put(INTERRUPTED)

    def close(self) -> None:
        self.is_closed = True


class Night:
    """A sweeper, what it sweeps and what it sleeps on; each step is noted in order."""

    def __init__(self) -> None:
        self.happened: SimpleQueue[str] = SimpleQueue()
        self.bed = Bed(self.happened)
        self.errors: list[Exception] = []
        self.work: Callable[[], int] = lambda: 0
        self.prunes = 0
        self.sweeper = Sweeper(
            coherence=lambda: self,
            waiting=self.bed,
            prune=self.prune,
            on_error=self.errors.append,
        )

    def sweep(self) -> int:
        self.happened.put("sweep")
        return self.work()

    def prune(self) -> None:
        self.prunes += 1

    def next(self) -> str:
        """Return what happens next."""
        return self.happened.get(timeout=LIMIT_SECONDS)

    def nothing_happens(self) -> bool:
        try:
            self.happened.get(timeout=0.05)
        except Empty:
            return True
        return False


@pytest.fixture(autouse=True)
def seldom(settings: Settings) -> None:
    """Give the time between two sweeps a number that is known again."""
    settings.WORKFLOW_ENGINE = {"OUTBOX_SWEEP_SECONDS": LONG_SECONDS}
    counts.take()


@pytest.fixture
def night() -> Iterator[Night]:
    """Yield a sweeper that has not begun; it is stopped with the test."""
    one = Night()
    yield one
    assert one.sweeper.stop(LIMIT_SECONDS)


def _failures() -> int:
    return sum(
        figure.count
        for figure in counts.look()
        if (figure.counter, figure.reason) == ("error", "sweep")
    )


def test_start__sweeps_at_once_then_waits(night: Night) -> None:
    night.sweeper.start()

    assert [night.next(), night.next()] == ["sweep", "wait"]
    assert night.bed.asked_seconds == [LONG_SECONDS]
    assert night.nothing_happens()


def test_loop__time_ran_out(night: Night) -> None:
    night.sweeper.start()
    night.next(), night.next()

    night.bed.answers.put(NOTHING)

    assert [night.next(), night.next()] == ["sweep", "wait"]
    assert night.prunes == 1  # now and then is enough


def test_loop__announced__leaves_the_hook_its_time(night: Night) -> None:
    night.sweeper.start()
    night.next(), night.next()

    announced_at = clock.monotonic()
    night.bed.answers.put(SPOKEN)

    assert night.next() == "sweep"
    assert HOOK_SECONDS <= clock.monotonic() - announced_at < 1


@pytest.mark.parametrize(
    "error", [AWAY, OperationalError("away"), ZeroDivisionError("a bug")], ids=repr
)
def test_loop__sweep_fails_and_recovers(night: Night, error: Exception) -> None:
    failing = iter([error, error, error])

    def work() -> int:
        for raised in failing:
            raise raised
        return 0

    night.work = work
    night.sweeper.start()
    began = clock.monotonic()

    assert [night.next() for _ in range(5)] == [*["sweep"] * 4, "wait"]
    assert clock.monotonic() - began >= 0.2 + 0.4 + 0.8
    assert night.errors == [error]  # once for the outage
    assert _failures() == 3


def test_loop__second_outage_is_told_again(night: Night) -> None:
    results: list[Exception | int] = [AWAY, 0, AWAY, 0]

    def work() -> int:
        result = results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    night.work = work
    night.sweeper.start()
    assert [night.next() for _ in range(3)] == ["sweep", "sweep", "wait"]
    night.bed.answers.put(NOTHING)
    assert [night.next() for _ in range(3)] == ["sweep", "sweep", "wait"]

    assert night.errors == [AWAY, AWAY]


def test_loop__wait_fails(night: Night) -> None:
    night.sweeper.start()
    night.next(), night.next()

    night.bed.answers.put(OSError("no descriptors left"))

    assert [night.next(), night.next()] == ["sweep", "wait"]
    assert [type(error) for error in night.errors] == [OSError]


def test_loop__owner_raises_when_told(
    night: Night, caplog: pytest.LogCaptureFixture
) -> None:
    def raise_it(error: Exception) -> None:
        raise error

    sweeper = Sweeper(
        coherence=lambda: night, waiting=night.bed, prune=night.prune, on_error=raise_it
    )
    failing = iter([AWAY])

    def work() -> int:
        for raised in failing:
            raise raised
        return 0

    night.work = work
    sweeper.start()

    assert [night.next() for _ in range(3)] == ["sweep", "sweep", "wait"]
    assert sweeper.stop(LIMIT_SECONDS)
    assert "The one to be told of an error raised one itself." in caplog.messages


def test_loop__says_in_the_log_that_sweeps_fail(
    night: Night, caplog: pytest.LogCaptureFixture
) -> None:
    sweeper = Sweeper(coherence=lambda: night, waiting=night.bed, prune=night.prune)

    def work() -> int:
        raise AWAY

    night.work = work
    with caplog.at_level(logging.INFO):
        sweeper.start()
        assert [night.next() for _ in range(3)] == ["sweep"] * 3
        assert sweeper.stop(LIMIT_SECONDS)

    assert caplog.messages == [
        f"The outbox could not be swept and is tried again: {AWAY}"
    ]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_loop__database_ends_the_connection(night: Night) -> None:
    answers: SimpleQueue[int] = SimpleQueue()
    statements = ["SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 7"]

    def work() -> int:
        with connection.cursor() as cursor:
            cursor.execute(statements.pop(0))
            answers.put(cursor.fetchone()[0])
        return 1

    night.work = work
    night.sweeper.start()

    assert [night.next() for _ in range(3)] == ["sweep", "sweep", "wait"]
    assert answers.get(timeout=LIMIT_SECONDS) == 7
    assert [type(error) for error in night.errors] == [OperationalError]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_stop__leaves_no_connection(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SET application_name = 'sweeper of a test'")
        return 0

    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", None)
    night.work = work
    night.sweeper.start()
    night.next(), night.next()

    assert night.sweeper.stop(LIMIT_SECONDS)

    def is_gone() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE application_name = 'sweeper of a test'"
            )
            return bool(cursor.fetchone() == (0,))

    wait_until(is_gone, "its connection is gone", limit_seconds=LIMIT_SECONDS)


def test_stop__while_it_waits(night: Night) -> None:
    night.sweeper.start()
    night.next(), night.next()
    was_running = night.sweeper.is_running

    assert night.sweeper.stop(LIMIT_SECONDS)

    assert (was_running, night.sweeper.is_running) == (True, False)

    assert night.bed.is_closed
    assert night.nothing_happens()


def test_stop__while_it_backs_off(night: Night) -> None:
    def work() -> int:
        raise AWAY

    night.work = work
    night.sweeper.start()
    for _ in range(4):  # the next one is 1.6 s away
        night.next()

    began = clock.monotonic()
    assert night.sweeper.stop(LIMIT_SECONDS)
    assert clock.monotonic() - began < 1


def test_stop__lets_a_sweep_end(night: Night) -> None:
    goes_on = threading.Event()

    def work() -> int:
        assert goes_on.wait(LIMIT_SECONDS)
        return 3

    night.work = work
    night.sweeper.start()
    night.next()

    assert not night.sweeper.stop(0.05)
    goes_on.set()
    assert night.sweeper.stop(LIMIT_SECONDS)
    assert night.errors == []


def test_stop__before_the_start(night: Night) -> None:
    assert night.sweeper.stop(0)

    night.sweeper.start()

    assert night.sweeper.stop(LIMIT_SECONDS)
    assert night.nothing_happens()


def test_run__in_the_thread_of_the_caller(night: Night) -> None:
    threads: list[str] = []

    def work() -> int:
        threads.append(threading.current_thread().name)
        return 0

    def run() -> str:
        night.sweeper.run()
        return threading.current_thread().name

    night.work = work
    running = elsewhere(run)
    night.next(), night.next()

    assert night.sweeper.stop(LIMIT_SECONDS)

    assert threads == [running.result(LIMIT_SECONDS)]


@pytest.mark.parametrize("verb", ["start", "run"])
def test_start__runs_already(night: Night, verb: str) -> None:
    night.sweeper.start()

    with pytest.raises(AlreadyRunning):
        getattr(night.sweeper, verb)()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_is_running__not_in_a_fork(night: Night) -> None:
    night.sweeper.start()
    night.next(), night.next()

    child = os.fork()
    if child == 0:
        os._exit(1 if night.sweeper.is_running else 0)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert night.sweeper.is_running
