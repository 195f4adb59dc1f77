"""Other connections to the database, each in its thread, held up and let go by the test."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

from django.db import connection, connections, transaction

from tests.waiting import wait_until
from workflow_engine.models import WorkItem

LIMIT_SECONDS = 10

T = TypeVar("T")


def elsewhere(call: Callable[[], T]) -> Future[T]:
    """Call in a thread with a connection of its own; `.result(LIMIT_SECONDS)` waits."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again by `result`
            future.set_exception(error)
        finally:
            connections.close_all()

    threading.Thread(target=run, daemon=True).start()
    return future


@contextmanager
def locked_elsewhere(item_id: int) -> Iterator[None]:
    """Hold the lock on a row in another transaction."""
    is_held, may_go = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            WorkItem.objects.select_for_update().get(pk=item_id)
            is_held.set()
            assert may_go.wait(LIMIT_SECONDS), "the test did not let the lock go"

    holder = elsewhere(hold)
    assert is_held.wait(LIMIT_SECONDS), "the lock was not had"
    try:
        yield
    finally:
        may_go.set()
        holder.result(LIMIT_SECONDS)


def wait_until_somebody_waits(count: int = 1) -> None:
    """Return when `count` connections wait for a lock."""
    wait_until(
        lambda: _waiting() >= count,
        f"{count} connections waited for a lock",
        limit_seconds=LIMIT_SECONDS,
    )


def _waiting() -> int:
    with connection.cursor() as cursor:
        # Not pg_stat_activity: its answer stays the same throughout a transaction.
        cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        return int(cursor.fetchone()[0])
