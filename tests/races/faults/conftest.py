"""A Redis of the test's own behind a proxy, and rules that processes cache there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from pytest_django import Settings

from settings.base import redis_cache
from tests.races.faults.place import Place
from tests.races.faults.proxy import Proxy
from tests.servers import Servers

#: For a machine under load; a test that waits for it brings a shorter one.
TIMEOUT_SECONDS = 3.0


def port_of(servers: Servers) -> int:
    """Return the port of a Redis."""
    return int(servers.environment["WORKFLOW_TEST_REDIS_URL"].rsplit(":", 1)[1])


@pytest.fixture
def proxy(own_redis: Servers) -> Iterator[Proxy]:
    """Yield what stands between the processes and this test's Redis."""
    with Proxy(port_of(own_redis)) as proxy:
        yield proxy


@pytest.fixture
def timeout_seconds() -> float:
    """Return how long a process waits for Redis; a parameter of the test replaces it."""
    return TIMEOUT_SECONDS


@pytest.fixture
def place(
    db: None,
    settings: Settings,
    own_redis: Servers,
    proxy: Proxy,
    timeout_seconds: float,
) -> Iterator[Place]:
    """Yield rules, cached in this test's Redis, which a process soon tries again."""
    entry = redis_cache(f"redis://127.0.0.1:{proxy.port}/0")
    entry["OPTIONS"] |= {
        "SOCKET_CONNECT_TIMEOUT": timeout_seconds,
        "SOCKET_TIMEOUT": timeout_seconds,
    }
    settings.CACHES = {**settings.CACHES, "default": entry}
    settings.WORKFLOW_ENGINE = {
        "CACHE_ALIAS": "default",
        "CACHE_BREAKER": {"errors": 3, "retry_seconds": 0.1},
        "CACHE_VERIFY_SHARE": 0,
        "METRICS_FLUSH_SECONDS": 60,
    }
    with redis.Redis(port=port_of(own_redis)) as client:
        yield Place(own_redis, proxy, client)
