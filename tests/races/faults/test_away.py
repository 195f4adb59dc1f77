"""Redis away, slow, full or unwilling: every answer is right, and nothing is lost."""

from __future__ import annotations

import os
import signal
import time

import pytest
from django.db import transaction
from pytest_django import Settings

from tests.races.faults.place import LIMIT_SECONDS, Place, before, counted
from tests.races.processes import not_among, owed, process, read, warm
from tests.waiting import wait_until
from workflow_engine.lookups import accesses, workflows
from workflow_engine.metrics.counts import counts
from workflow_engine.models import Detector, Workflow
from workflow_engine.types.snapshots import ABSENT

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgres,
    pytest.mark.redis,
]

ERRORS = 3
SHORT_SECONDS = 0.3
#: For a machine under load; the queries themselves take a tenth of it.
SLACK_SECONDS = 3.0


def test_redis__refuses_connections(place: Place) -> None:
    place.warm()
    place.proxy.refuse()

    place.write()

    assert not place.stale(place.here)
    assert owed()
    place.proxy.listen()
    place.wait_until_cached(place.here)
    assert owed() == 0


@pytest.mark.parametrize("timeout_seconds", [SHORT_SECONDS])
@pytest.mark.parametrize("is_writing_first", [False, True])
def test_redis__swallows_everything(
    place: Place, settings: Settings, timeout_seconds: float, is_writing_first: bool
) -> None:
    breaker = {"errors": ERRORS, "retry_seconds": 60}
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "CACHE_BREAKER": breaker}
    place.warm()
    place.proxy.is_silent = True
    began = time.monotonic()

    for _ in range(10):
        if is_writing_first:
            place.write()
        assert not place.stale(place.here)
    for _ in range(0 if is_writing_first else 10):
        place.write()
        assert not place.stale(place.here)

    # A forget may be tried twice.
    assert 1 <= place.proxy.swallowed <= ERRORS + 1
    assert time.monotonic() - began < ERRORS * timeout_seconds + SLACK_SECONDS
    assert owed()


@pytest.mark.parametrize("timeout_seconds", [SHORT_SECONDS])
def test_redis__stops_while_an_entry_is_being_forgotten(
    place: Place, timeout_seconds: float
) -> None:
    looker_on = process()
    place.warm(looker_on)
    server = place.servers.pids["redis"]
    assert server
    ran: list[bool] = []
    workflow = Workflow.objects.order_by("pk")[0]
    try:
        with (
            before(place.here, "unlink", lambda: os.kill(server, signal.SIGSTOP)),
            transaction.atomic(),
        ):
            transaction.on_commit(lambda: ran.append(True))
            workflow.name = "saved all the same"
            workflow.save()
        workflow.refresh_from_db()

        assert (workflow.name, ran) == ("saved all the same", [True])
        assert owed() == 1
        assert not place.stale(place.here)
    finally:
        os.kill(server, signal.SIGCONT)
    place.wait_until_cached(place.here)
    assert owed() == 0
    place.wait_until_cached(looker_on)


@pytest.mark.parametrize("count", [0, 1, 7, 40])
def test_redis__reply_is_cut_in_the_middle(place: Place, count: int) -> None:
    place.warm()
    place.proxy.reply_bytes = count

    assert not place.stale(place.here)
    place.write()
    assert not place.stale(place.here)

    place.proxy.reply_bytes = None
    place.wait_until_cached(place.here)
    assert owed() == 0


@pytest.mark.parametrize("state", ["READONLY", "LOADING", "NOPERM", "MASTERDOWN"])
def test_redis__says_that_it_cannot(place: Place, state: str) -> None:
    place.warm()
    place.proxy.answer = f"-{state} not now\r\n".encode()

    place.write()

    assert not place.here.gate.is_open
    assert not place.stale(place.here)
    assert owed()
    place.proxy.answer = b""
    place.wait_until_cached(place.here)
    assert owed() == 0


def test_redis__becomes_a_replica(place: Place) -> None:
    place.warm()
    place.client.replicaof("127.0.0.1", 1)

    place.write()

    assert not place.stale(place.here)
    assert owed()
    wait_until(
        lambda: not place.stale(place.here) and place.here.gate.reason == "replica",
        "the replica was noticed",
        limit_seconds=LIMIT_SECONDS,
    )
    place.client.replicaof("NO", "ONE")
    place.wait_until_cached(place.here)
    assert owed() == 0


def _fill_memory(place: Place) -> None:
    place.client.config_set("maxmemory-policy", "noeviction")
    place.client.config_set("maxmemory", 1)


def test_redis__memory_is_full(place: Place) -> None:
    looker_on = process()
    old = place.warm(looker_on)
    _fill_memory(place)

    place.write()

    assert owed() == 0
    for side in (place.here, looker_on):
        assert not place.stale(side)
        assert not_among(read(side, place.asked), old)
        assert side.gate.is_open
    assert counted("refused", "oom")


def test_redis__memory_is_full__everything_is_forgotten(place: Place) -> None:
    looker_on = process()
    place.warm(looker_on)
    with transaction.atomic():
        Workflow.objects.order_by("pk")[0].delete()
        transaction.get_connection().run_on_commit.clear()
    _fill_memory(place)

    for access in accesses():
        access.forget_all()

    assert not place.stale(looker_on)
    assert not place.stale(place.here)


def test_redis__memory_becomes_full_before_the_fill(place: Place) -> None:
    place.warm()
    place.write()
    counts.take()

    with before(place.here, "fill", lambda: _fill_memory(place)):
        assert not place.stale(place.here)

    refused = {one.reason for one in counts.take() if one.counter == "refused"}
    assert refused == {"oom"}
    assert place.here.gate.is_open


def test_redis__flushed(place: Place) -> None:
    looker_on = process()
    place.warm(looker_on)
    place.client.flushall()
    place.write()

    assert not place.stale(looker_on)
    assert not place.stale(place.here)
    read(looker_on, place.asked)
    counted()
    read(looker_on, place.asked)
    assert counted("hit", "near"), "near copies are not used again"


def test_process_without_redis__writes(place: Place, settings: Settings) -> None:
    looker_on = process()
    warm([looker_on], place.asked)
    kept = settings.WORKFLOW_ENGINE
    settings.WORKFLOW_ENGINE = {}

    place.write()
    assert workflows.get(10**9) is ABSENT  # it is asked, and takes nothing either

    assert owed() == 2
    settings.WORKFLOW_ENGINE = kept
    assert place.stale(looker_on), "there was nothing to be swept"
    assert looker_on.sweep() == 2
    assert not place.stale(looker_on)


def test_two_processes__start_with_something_owed(place: Place) -> None:
    place.warm()
    place.proxy.refuse()
    Detector.objects.all().update(enabled=False)
    place.proxy.listen()
    first, second = process(), process()
    seen: list[object] = []

    def meanwhile() -> None:
        seen.append(place.stale(second))
        seen.append(second.gate.is_open)

    with before(first, "unlink", meanwhile):
        place.wait_until_cached(first)

    assert seen == [{}, False]
    place.wait_until_cached(second)
