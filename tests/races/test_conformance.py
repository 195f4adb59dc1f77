"""The real client, on real servers, does what the model does, step by step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

import pytest
import redis
from pytest_django import Settings

from settings.base import redis_cache
from tests.races.checker.configurations import MIXED
from tests.races.checker.system import System
from tests.races.checker.traces import found_without, sample_traces
from tests.races.checker.variants import VARIANTS
from tests.races.conformance.along import Along
from tests.races.conformance.astray import Astray
from tests.races.conformance.cast import Cast, connected
from tests.races.conformance.scene import Scene
from tests.servers import Servers
from workflow_engine.models import Environment

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.django_db(transaction=True),
]

#: How many sampled traces are gone along.
TRACES: Final = int(os.environ.get("WORKFLOW_TEST_TRACES", "1000"))

ALIAS: Final = "conformance"

#: The variants that the model of one entry shows.
ENTRY_VARIANTS: Final = [
    name
    for name, variant in VARIANTS.items()
    if isinstance(variant.build(variant.rules), System)
]


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Yield a Redis of this file's own."""
    with Servers("redis") as servers:
        yield servers


@pytest.fixture
def server(servers: Servers) -> str:
    """Return its address."""
    return servers.environment["WORKFLOW_TEST_REDIS_URL"]


@pytest.fixture
def cast(server: str, settings: Settings) -> Iterator[Cast]:
    """Yield everybody, on one row."""
    entry = redis_cache(f"{server}/0")
    entry["OPTIONS"] |= {"SOCKET_TIMEOUT": 2, "SOCKET_CONNECT_TIMEOUT": 2}
    settings.CACHES = {**settings.CACHES, ALIAS: entry}
    settings.WORKFLOW_ENGINE = {
        **settings.WORKFLOW_ENGINE,
        "CACHE_WAIT_SECONDS": 0,  # whoever waits looks once
        "CACHE_VERIFY_SHARE": 0,
        "CACHE_BREAKER": {"errors": 5, "retry_seconds": 0.1},
    }
    row = Environment.objects.create(name="v0")
    with connected(Cast(ALIAS, row.pk)) as made:
        yield made


@pytest.fixture
def scene(server: str, cast: Cast) -> Iterator[Scene]:
    """Yield the server and the row, after a look-up that told the names in Redis."""
    with redis.Redis.from_url(f"{server}/0") as client:
        client.flushall()
        cast.look_up()
        names = sorted(client.keys("*"), key=len)
        generation = next(name for name in names if name.endswith(b":g"))
        cell = next(name for name in names if name != generation)
        made = Scene(client, cell, generation, cast.key, cast.question.codec)
        yield made
        client.config_set("maxmemory", 0)


@pytest.mark.parametrize("seed", [1])
def test_client__along_sampled_traces(cast: Cast, scene: Scene, seed: int) -> None:
    for trace in sample_traces(TRACES, seed=seed):
        Along(cast, scene, MIXED, list(trace)).run()


@pytest.mark.parametrize("name", ENTRY_VARIANTS)
def test_client__led_astray__stays_fresh(
    cast: Cast, scene: Scene, servers: Servers, name: str
) -> None:
    variant = VARIANTS[name]
    system = variant.build(variant.rules)
    assert isinstance(system, System)
    pid = servers.pids["redis"]
    assert pid is not None

    astray = Astray(cast, scene, system.configuration, found_without(name).trace, pid)
    astray.run()
