"""Beside a real worker of each kind: rows owed are forgotten, and nothing outlives it."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from django.db import connection, transaction

from tests.factories import DetectorFactory
from tests.journeys.children import Child, manage
from tests.tasks.conftest import LIMIT_SECONDS, Start
from tests.waiting import is_running, wait_until, wait_until_gone
from workflow_engine.models.cache_rows import CacheOutbox
from workflow_engine.queue.feed import APPLICATION_NAME

pytestmark = [
    pytest.mark.celery,
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.django_db(transaction=True),
]


def _change_a_row() -> None:
    """Change a rule as one does who does not know us; the outbox says so when committed."""
    slug = DetectorFactory().slug
    _settle()
    with transaction.atomic(), connection.cursor() as cursor:
        table = connection.ops.quote_name("workflow_engine_detector")
        cursor.execute(f"UPDATE {table} SET enabled = false WHERE slug = %s", [slug])  # noqa: S608
        assert CacheOutbox.objects.exists()


def _settle() -> None:
    CacheOutbox.objects.all().delete()


def _is_nothing_owed() -> bool:
    return not CacheOutbox.objects.exists()


def _wait_until_nothing_is_owed(limit_seconds: float = LIMIT_SECONDS) -> None:
    wait_until(_is_nothing_owed, "nothing is owed", limit_seconds=limit_seconds)


def _listeners() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE application_name = %s AND datname = current_database()",
            [APPLICATION_NAME],
        )
        return int(cursor.fetchone()[0])


def _wait_for_listeners(count: int) -> None:
    wait_until(
        lambda: _listeners() == count,
        f"{count} processes listen",
        limit_seconds=LIMIT_SECONDS,
    )


def _companion(child: Child) -> int:
    """Return the id of the child with more than one thread: those of the pool have one."""
    found: list[int] = []

    def look() -> bool:
        found[:] = [pid for pid in child.children() if _threads(pid) > 1]
        return len(found) == 1

    wait_until(look, "the worker has a companion", limit_seconds=LIMIT_SECONDS)
    return found[0]


def _threads(pid: int) -> int:
    asked = ["ps", "-o", "nlwp=", "-p", str(pid)]
    said = subprocess.run(asked, capture_output=True, text=True, check=False)
    return int(said.stdout.strip() or 0)


@pytest.mark.parametrize("pool", ["prefork", "solo", "threads"])
def test_worker__forgets_what_others_change(worker: Start, pool: str) -> None:
    _change_a_row()
    worker(pool)
    _wait_until_nothing_is_owed()
    _wait_for_listeners(1)

    _change_a_row()

    _wait_until_nothing_is_owed(limit_seconds=1)


def test_worker__nobody_announces(worker: Start) -> None:
    worker("solo", OUTBOX_SWEEP_SECONDS=0.1)
    _wait_for_listeners(1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = %s AND datname = current_database()",
            [APPLICATION_NAME],
        )

    _change_a_row()

    _wait_until_nothing_is_owed(limit_seconds=1)


@pytest.mark.parametrize("pool", ["prefork", "solo", "threads"])
def test_worker__told_to_end__leaves_no_process(worker: Start, pool: str) -> None:
    child = worker(pool)
    _wait_for_listeners(1)
    others = child.children()

    assert child.stop() == 0

    wait_until_gone(others, limit_seconds=LIMIT_SECONDS)
    _wait_for_listeners(0)
    assert "Traceback" not in child.said()
    assert "is killed" not in child.said()


def test_worker__killed__its_companion_ends(worker: Start) -> None:
    child = worker("prefork")
    companion = _companion(child)

    os.kill(child.pid, signal.SIGKILL)

    wait_until_gone([companion], limit_seconds=5)


def test_worker__companion_killed__comes_back(worker: Start) -> None:
    child = worker("prefork")
    before = _companion(child)
    _wait_for_listeners(1)

    os.kill(before, signal.SIGKILL)
    wait_until_gone([before], limit_seconds=LIMIT_SECONDS)
    after = _companion(child)
    _wait_for_listeners(1)

    assert after != before
    _change_a_row()
    _wait_until_nothing_is_owed(limit_seconds=1)


def test_worker__without_an_event_loop(
    worker: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKERS_BROKER_URL", "memory://")
    child = worker("prefork")
    assert "memory://" in child.said()
    before = _companion(child)

    os.kill(before, signal.SIGKILL)
    wait_until_gone([before], limit_seconds=LIMIT_SECONDS)

    assert _companion(child) != before
    assert child.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM])
def test_worker__signal_to_its_whole_group(
    worker: Start, number: signal.Signals
) -> None:
    child = worker("prefork")
    companion = _companion(child)

    os.killpg(child.pid, number)

    wait_until_gone([child.pid, companion], limit_seconds=LIMIT_SECONDS)
    assert "Traceback" not in child.said()


def test_worker__companion_holds_no_connection_of_the_worker(worker: Start) -> None:
    child = worker("prefork")
    os.kill(_companion(child), signal.SIGKILL)  # the next one is forked beside a broker
    _wait_for_listeners(0)
    _wait_for_listeners(1)

    theirs, ours = _sockets(child.pid), _sockets(_companion(child))

    assert theirs
    assert ours
    assert not theirs & ours


def _sockets(pid: int) -> set[str]:
    links = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    return {link for link in links if link.startswith("socket:")}


@pytest.mark.parametrize(
    "given",
    [{"CACHE_ALIAS": None}, {"EXECUTOR": "threads"}],
    ids=["without Redis", "not for our tasks"],
)
def test_worker__has_no_companion(worker: Start, given: dict[str, object]) -> None:
    child = worker("prefork", **given)

    assert [_threads(pid) for pid in child.children()] == [1]
    assert _listeners() == 0


def test_workflow_queue__forgets_what_others_change(start: Start) -> None:
    child = start(manage("workflow_queue"))
    child.wait_to_say("running")
    _wait_for_listeners(1)

    _change_a_row()

    _wait_until_nothing_is_owed(limit_seconds=1)
    assert child.stop() == 0
    assert "Traceback" not in child.said()


def test_workflow_queue__carries_out_by_threads(start: Start) -> None:
    child = start(manage("workflow_queue", "--executor", "threads"))
    child.wait_to_say("running")
    _wait_for_listeners(1)

    _change_a_row()

    _wait_until_nothing_is_owed(limit_seconds=1)
    assert child.stop() == 0
    assert not is_running(child.pid)
