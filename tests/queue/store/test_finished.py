from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from tests.queue.items import NOW, item_in, row
from workflow_engine import queue, signals

LATER = NOW + timedelta(hours=1)
ERROR = ValueError("no such address")

Heard = list[tuple[int, str, str]]


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Return what listeners are told."""
    told: Heard = []

    def listen(item_id: int, state: str, kind: str, **_: Any) -> None:
        told.append((item_id, state, kind))

    signals.item_finished.connect(listen)
    yield told
    signals.item_finished.disconnect(listen)


ENDS: dict[str, tuple[str, Callable[[int], object]]] = {
    "finish": ("done", lambda n: queue.finish(n, 1, 1, now=NOW)),
    "release": ("dead", lambda n: queue.release(n, 1, 1, now=NOW, error=ERROR)),
    "give_up": ("dead", lambda n: queue.give_up(n, 1, now=NOW, error=ERROR)),
    "lapse": ("dead", lambda n: queue.lapse(now=LATER, limit=1)),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("state", "end"), ENDS.values(), ids=ENDS)
def test_signal__once_and_after_the_commit(
    state: str, end: Callable[[int], object], heard: Heard
) -> None:
    item = item_in("running", max_attempts=1)

    with transaction.atomic():
        end(item.pk)
        end(item.pk)
        before_commit = list(heard)
    end(item.pk)

    assert before_commit == []
    assert heard == [(item.pk, state, "act")]


@pytest.mark.django_db(transaction=True)
def test_signal__cancelled_and_not_for_a_mere_wish(heard: Heard) -> None:
    waiting, running = item_in("scheduled"), item_in("running")

    for _ in range(2):
        queue.cancel(waiting.pk, now=NOW)
        queue.cancel(running.pk, now=NOW)
    queue.interrupt([(running.pk, 1)], now=NOW)

    assert heard == [
        (waiting.pk, "cancelled", "act"),
        (running.pk, "cancelled", "act"),
    ]


@pytest.mark.django_db(transaction=True)
def test_signal__none_for_a_rollback(heard: Heard) -> None:
    item = item_in("running")

    with transaction.atomic():
        queue.finish(item.pk, 1, 1, now=NOW)
        transaction.set_rollback(True)

    assert heard == []
    assert row(item.pk).state == "running"


@pytest.mark.django_db(transaction=True)
def test_signal__none_for_an_item_that_goes_on(heard: Heard) -> None:
    item = item_in("running")

    queue.release(item.pk, 1, 1, now=NOW, error=ERROR)

    assert heard == []


@pytest.mark.django_db(transaction=True)
def test_signal__listener_that_raises_touches_nothing(
    heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    item = item_in("running")

    def broken(**_: Any) -> None:
        raise ZeroDivisionError

    signals.item_finished.connect(broken)
    try:
        counts = queue.finish(item.pk, 1, 1, now=NOW)
    finally:
        signals.item_finished.disconnect(broken)

    assert counts
    assert heard == [(item.pk, "done", "act")]
    assert "ZeroDivisionError" in caplog.text
