"""Late work: one thread as long as any is asked for, and its connection as the project has it."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connection, connections

from tests.waiting import wait_until
from workflow_engine.late import LateTimer

LIMIT_SECONDS = 10
TIMES = 3


class Work:
    """Asks for itself again until it was done a few times."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.backends: list[int] = []
        self.asks_database = False
        self.done = threading.Event()
        self.timer = LateTimer(self.run, lambda: 0.01)

    def run(self) -> None:
        self.threads.append(threading.current_thread())
        if self.asks_database:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                self.backends.append(cursor.fetchone()[0])
        if len(self.threads) < TIMES:
            self.timer.arm()
        else:
            self.done.set()


@pytest.fixture
def no_thread_is_left() -> Iterator[Callable[[], None]]:
    """Return what waits until no thread is there that this test has started."""
    before = set(threading.enumerate())

    def wait() -> None:
        wait_until(
            lambda: set(threading.enumerate()) <= before,
            "no thread waits for late work",
            limit_seconds=LIMIT_SECONDS,
        )

    yield wait
    wait()


@pytest.fixture
def work(no_thread_is_left: Callable[[], None]) -> Iterator[Work]:
    made = Work()
    yield made
    made.timer.disarm()


def test_arm__by_the_work_itself__keeps_its_thread(
    work: Work, no_thread_is_left: Callable[[], None]
) -> None:
    work.timer.arm()
    work.timer.arm()

    assert work.done.wait(LIMIT_SECONDS)
    no_thread_is_left()

    assert len(work.threads) == TIMES
    assert len(set(work.threads)) == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("age", "is_for_tests", "connected"),
    [(60, False, 1), (0, False, TIMES), (60, True, TIMES)],
    ids=["kept", "not kept", "never in the way of a test run"],
)
def test_arm__its_connection_lives_as_the_project_says(
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
    age: int,
    is_for_tests: bool,
    connected: int,
) -> None:
    default = connections.settings["default"]
    monkeypatch.setitem(default, "CONN_MAX_AGE", age)
    if not is_for_tests:
        monkeypatch.setitem(default, "NAME", "postgres")  # which every server has
    work.asks_database = True

    work.timer.arm()

    assert work.done.wait(LIMIT_SECONDS)
    assert len(set(work.backends)) == connected


def test_disarm__ends_the_thread_and_arming_anew_counts(
    no_thread_is_left: Callable[[], None],
) -> None:
    done = threading.Event()
    seconds = iter((60.0, 0.01))
    timer = LateTimer(done.set, lambda: next(seconds))
    timer.arm()

    timer.disarm()
    timer.arm()

    assert done.wait(LIMIT_SECONDS)
    no_thread_is_left()


def test_disarm__nothing_is_done(no_thread_is_left: Callable[[], None]) -> None:
    done: list[None] = []
    timer = LateTimer(lambda: done.append(None), lambda: 60.0)
    timer.arm()

    timer.disarm()

    no_thread_is_left()
    assert done == []


def test_arm__no_room_for_a_thread(
    work: Work, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        refused = [work.timer.arm(), work.timer.arm()]
    armed = work.timer.arm()

    assert work.done.wait(LIMIT_SECONDS)
    assert (refused, armed) == ([False, False], True)
    assert [one.message for one in caplog.records] == ["No thread for late work."]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_arm__in_a_forked_child(no_thread_is_left: Callable[[], None]) -> None:
    reader, writer = os.pipe()
    seconds = iter((60.0, 0.01))
    timer = LateTimer(lambda: os.write(writer, b"done"), lambda: next(seconds))
    timer.arm()

    pid = os.fork()
    if pid == 0:
        timer.arm()
        ready, _, _ = select.select([reader], [], [], LIMIT_SECONDS)
        os._exit(0 if ready else 1)
    _, status = os.waitpid(pid, 0)
    timer.disarm()

    assert os.waitstatus_to_exitcode(status) == 0
