"""The companion: sweeps where entries are in Redis and the outbox is in PostgreSQL."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection
from pytest_django import Settings

from settings.base import redis_cache
from tests.factories import DetectorFactory
from tests.servers import Servers
from tests.waiting import wait_until
from workflow_engine.companion import Companion, is_wanted
from workflow_engine.metrics.counts import counts
from workflow_engine.models.cache_rows import CacheOutbox

LIMIT_SECONDS = 20


@pytest.fixture
def companion() -> Iterator[Companion]:
    """Yield a companion that has not begun; it is stopped with the test."""
    one = Companion()
    yield one
    assert one.stop(LIMIT_SECONDS)


def _threads() -> list[str]:
    names = (thread.name for thread in threading.enumerate())
    return [name for name in names if name == "workflow-sweeper"]


def _change(pk: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE workflow_engine_detector SET enabled = NOT enabled WHERE id = %s",
            [pk],
        )


def _wait_until_nothing_is_owed() -> None:
    wait_until(
        lambda: not CacheOutbox.objects.exists(),
        "nothing is owed",
        limit_seconds=LIMIT_SECONDS,
    )


@pytest.mark.django_db
@pytest.mark.parametrize(("alias", "wanted"), [("default", True), (None, False)])
def test_is_wanted(settings: Settings, alias: str | None, wanted: bool) -> None:
    settings.WORKFLOW_ENGINE = {"CACHE_ALIAS": alias}

    assert is_wanted() is (wanted and connection.vendor == "postgresql")


@pytest.mark.django_db
def test_start__nothing_to_sweep(settings: Settings, companion: Companion) -> None:
    settings.WORKFLOW_ENGINE = {"CACHE_ALIAS": None}

    companion.start()

    assert not companion.is_running
    assert _threads() == []


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_start__sweeps_until_its_stop(settings: Settings, companion: Companion) -> None:
    settings.WORKFLOW_ENGINE = {"CACHE_ALIAS": "default"}
    row = DetectorFactory()

    for _ in range(2):
        for _ in range(3):
            companion.start()
        began = _threads()
        _change(row.pk)
        _wait_until_nothing_is_owed()

        assert companion.stop(LIMIT_SECONDS)

        assert began == ["workflow-sweeper"]
        assert _threads() == []


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_start__redis_is_away_for_a_while(
    settings: Settings, companion: Companion, own_redis: Servers
) -> None:
    url = f"{own_redis.environment['WORKFLOW_TEST_REDIS_URL']}/0"
    settings.CACHES = {"default": redis_cache(url)}
    settings.WORKFLOW_ENGINE = {
        "CACHE_ALIAS": "default",
        "CACHE_BREAKER": {"errors": 1, "retry_seconds": 0.1},
    }
    row = DetectorFactory()
    companion.start()
    _wait_until_nothing_is_owed()
    own_redis.kill("redis")
    counts.take()

    _change(row.pk)
    wait_until(
        lambda: any(
            (figure.counter, figure.reason) == ("error", "sweep")
            for figure in counts.look()
        ),
        "a sweep failed",
        limit_seconds=LIMIT_SECONDS,
    )
    was_owed = CacheOutbox.objects.exists()
    own_redis.start("redis")

    _wait_until_nothing_is_owed()
    assert was_owed
