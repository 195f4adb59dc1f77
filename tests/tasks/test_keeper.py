"""The keeper: what it keeps is started again, more and more seldom, and stopped once."""

from collections.abc import Callable

import pytest

from workflow_engine.tasks.keeper import (
    LONGEST_BACKOFF_SECONDS,
    STEADY_SECONDS,
    Keeper,
)


class Kept:
    """Runs from its start until the test ends it."""

    def __init__(self) -> None:
        self.is_running = False
        self.starts = 0
        self.stops = 0
        self.refuses = False

    def start(self) -> None:
        self.starts += 1
        if self.refuses:
            raise OSError("no room for another process")
        self.is_running = True

    def stop(self, seconds: float) -> bool:
        self.stops += 1
        self.is_running = False
        return True


class Hand:
    """A timer that the test turns, second by second, and the time it shows."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._calls: list[Callable[[], None]] = []

    def now(self) -> float:
        return self.seconds

    def call_repeatedly(self, secs: float, fun: Callable[[], None]) -> "Hand":
        self._calls.append(fun)
        return self

    def cancel(self) -> None:
        self._calls.clear()

    def turn(self, seconds: int) -> None:
        for _ in range(seconds):
            self.seconds += 1
            for call in self._calls:
                call()


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def keeper(kept: Kept, hand: Hand) -> Keeper:
    return Keeper(kept, hand, now=hand.now)


def test_start__once(keeper: Keeper, kept: Kept, hand: Hand) -> None:
    keeper.start()
    hand.turn(300)

    assert (kept.starts, kept.is_running) == (1, True)


def test_look__has_ended_soon_each_time(keeper: Keeper, kept: Kept, hand: Hand) -> None:
    started_at: list[float] = []
    keeper.start()

    for _ in range(300):
        kept.is_running = False
        before = kept.starts
        hand.turn(1)
        if kept.starts > before:
            started_at.append(hand.seconds)

    waits = [b - a for a, b in zip([0.0, *started_at], started_at, strict=False)]
    assert waits[:6] == [1, 2, 4, 8, 16, 32]
    assert set(waits[6:]) == {LONGEST_BACKOFF_SECONDS}


def test_look__has_run_for_long(keeper: Keeper, kept: Kept, hand: Hand) -> None:
    keeper.start()
    for _ in range(5):
        hand.turn(int(STEADY_SECONDS))
        kept.is_running = False
        hand.turn(1)
        assert kept.is_running

    assert kept.starts == 6


def test_start__cannot_be_started(
    keeper: Keeper, kept: Kept, hand: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    kept.refuses = True
    keeper.start()
    kept.refuses = False

    hand.turn(1)

    assert kept.is_running
    assert "What lives beside the worker could not be started." in caplog.messages


def test_stop__is_started_no_more(keeper: Keeper, kept: Kept, hand: Hand) -> None:
    keeper.start()

    keeper.stop()
    hand.turn(10)
    keeper.look()

    assert (kept.starts, kept.stops, kept.is_running) == (1, 1, False)


def test_stop__before_the_start(keeper: Keeper, kept: Kept) -> None:
    keeper.stop()

    keeper.look()

    assert kept.starts == 0
