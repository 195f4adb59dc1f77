"""Counts are exact, whoever counts and whenever they are taken."""

from __future__ import annotations

import threading
import weakref
from collections import Counter

from tests.waiting import wait_until
from workflow_engine.metrics.counts import Counts

LIMIT_SECONDS = 30


def test_take__while_threads_count_and_end() -> None:
    own, taken = Counts(), Counter[str]()

    def count() -> None:
        for number in range(5000):
            own.add("a", "hit", str(number % 3))

    def take() -> None:
        taken.update({one.reason: one.count for one in own.take()})

    threads = [threading.Thread(target=count) for _ in range(12)]
    for thread in threads:
        thread.start()
        take()
    for thread in threads:
        while thread.is_alive():
            take()
    take()

    assert taken == {"0": 20_004, "1": 20_004, "2": 19_992}
    assert own.take() == []


def test_take__what_begins_while_it_is_taken_is_told() -> None:
    own, told = Counts(), threading.Semaphore(0)

    def tell() -> bool:
        told.release()
        return True

    own.on_first = tell
    own.add("a", "hit")
    own.take()

    thread = threading.Thread(target=own.add, args=("a", "hit"))
    thread.start()
    thread.join(LIMIT_SECONDS)

    assert told.acquire(timeout=LIMIT_SECONDS)
    assert told.acquire(timeout=LIMIT_SECONDS)
    assert [one.count for one in own.take()] == [1]


def test_add__tells_again_when_nobody_will_take_it() -> None:
    own, told = Counts(), list[bool]()
    answers = iter((False, True))

    def tell() -> bool:
        told.append(next(answers))
        return told[-1]

    own.on_first = tell
    for _ in range(3):
        own.add("a", "hit")

    assert told == [False, True]


class Name(str):
    """A text that can be seen to go."""


def test_take__drops_what_an_ended_thread_counted() -> None:
    own = Counts()
    names = [Name("near")]
    seen = weakref.ref(names[0])

    def count() -> None:
        own.add("a", "hit", names.pop())

    thread = threading.Thread(target=count)
    thread.start()
    thread.join(LIMIT_SECONDS)
    taken = [one.count for one in own.take()]

    assert taken == [1]
    wait_until(
        lambda: own.take() == [] and seen() is None,
        "what the thread counted is gone",
        limit_seconds=2,
    )


def test_look__leaves_everything_to_be_taken() -> None:
    own = Counts()
    own.add("a", "hit", "", 2)
    own.take()
    own.add("a", "hit", "", 3)
    own.sum("a", "bytes", "read", count=1, total=7)

    seen = own.look()

    assert [(one.counter, one.count, one.total) for one in seen] == [
        ("bytes", 1, 7.0),
        ("hit", 3, 0.0),
    ]
    assert own.take() == seen
