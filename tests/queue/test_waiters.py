import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from tests.queue.threads import LIMIT_SECONDS, elsewhere
from workflow_engine import clock
from workflow_engine.queue.waiters import Latch


def test_latch__set_before_the_wait() -> None:
    latch = Latch()
    latch.set()

    assert latch.wait(LIMIT_SECONDS)


def test_latch__set_during_the_wait() -> None:
    latch = Latch()
    waiting = elsewhere(lambda: latch.wait(LIMIT_SECONDS))

    latch.set()

    assert waiting.result(LIMIT_SECONDS)


def test_latch__never_set() -> None:
    assert not Latch().wait(0.01)
    assert not Latch().wait(-1)


def test_latch__a_thousand_sets_are_one() -> None:
    latch = Latch()

    for _ in range(1000):
        latch.set()

    assert latch.wait(LIMIT_SECONDS)
    assert not latch.wait(0)


def test_latch__cleared() -> None:
    latch = Latch()
    latch.set()

    latch.clear()

    assert not latch.wait(0)


@pytest.fixture
def every_millisecond() -> Iterator[list[Latch]]:
    """Set the latches in the list from a signal handler, a thousand times a second."""
    latches: list[Latch] = []

    def set_all(signum: int, frame: FrameType | None) -> None:
        for latch in latches:
            latch.set()

    before = signal.signal(signal.SIGALRM, set_all)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    yield latches
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_latch__set_by_a_signal_handler_in_the_waiting_thread(
    every_millisecond: list[Latch],
) -> None:
    latch = Latch()
    every_millisecond.append(latch)
    assert threading.current_thread() is threading.main_thread()
    until, woken = clock.monotonic() + 0.2, 0

    while clock.monotonic() < until:
        woken += latch.wait(LIMIT_SECONDS)
        latch.clear()

    assert woken > 10
