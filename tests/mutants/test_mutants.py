"""Each guard of the cache is seen to be missing: a promise is kept with it and broken without."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import redis
from pytest_django import Settings

from settings.base import redis_cache
from tests.models.outbox import clear
from tests.mutants.edition import Edition
from tests.mutants.mutants import MUTANTS
from tests.mutants.world import PromiseBroken, World, answers_when_nobody_writes
from tests.servers import Servers
from workflow_engine.metrics.counts import counts
from workflow_engine.models import Detector, Environment, Workflow
from workflow_engine.receivers import connect, disconnect

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.postgres,
    pytest.mark.redis,
]

WorldOf = Callable[[Edition], AbstractContextManager[World]]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Yield the address of a server that may be filled up, paused and failed over."""
    with Servers("redis") as servers:
        yield f"{servers.environment['WORKFLOW_TEST_REDIS_URL']}/0"


@pytest.fixture
def world_of(settings: Settings, url: str) -> Iterator[WorldOf]:
    """Return what makes a new world for an edition; nobody else hears of its writes."""
    entry = redis_cache(url)
    entry["OPTIONS"] = {"SOCKET_CONNECT_TIMEOUT": 5, "SOCKET_TIMEOUT": 5}
    hasty = redis_cache(url[:-1] + "1")  # django-redis keeps options by URL
    hasty["OPTIONS"] = {"SOCKET_CONNECT_TIMEOUT": 0.4, "SOCKET_TIMEOUT": 0.4}
    settings.CACHES = {**settings.CACHES, "mutants": entry, "hasty": hasty}

    @contextmanager
    def make(edition: Edition) -> Iterator[World]:
        prefix = uuid.uuid4().hex
        settings.WORKFLOW_ENGINE = {
            "CACHE_ALIAS": "mutants",
            "CACHE_PREFIX": prefix,
            "CACHE_WAIT_SECONDS": 0.02,
            "CACHE_VERIFY_SHARE": 0,
        }
        for model in (Detector, Workflow, Environment):
            model.objects.all().delete()
        clear()  # of what was owed for these
        with redis.Redis.from_url(url) as client:
            world = World(edition, "mutants", prefix, client)
            answers_when_nobody_writes(world)
            yield world
            world.close()

    disconnect()
    yield make
    connect()
    counts.take()


@pytest.mark.parametrize("guard", MUTANTS)
def test_guard__is_missed(world_of: WorldOf, guard: str) -> None:
    promise, changes = MUTANTS[guard]

    with world_of(Edition()) as whole:
        promise(whole)
    with world_of(Edition(*changes)) as broken, pytest.raises(PromiseBroken):
        promise(broken)
