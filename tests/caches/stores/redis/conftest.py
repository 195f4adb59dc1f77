"""Stores on the run's Redis, on one of a test's own, and the plain client beside them."""

import itertools
import os
import uuid
from collections.abc import Callable, Iterator

import pytest
import redis
from pytest_django import Settings

from settings.base import redis_cache
from tests.servers import Servers
from workflow_engine.caches.stores.redis import RedisStore

_numbers = itertools.count()

MakeStore = Callable[..., RedisStore]


@pytest.fixture
def make_store(settings: Settings) -> Iterator[MakeStore]:
    """Return what makes a store on a URL, which waits long unless told otherwise.

    django-redis keeps options by URL, so one URL must not be used with several.
    """
    stores = []

    def make(url: str, **options: object) -> RedisStore:
        alias = f"cells-{next(_numbers)}"
        entry = redis_cache(url)
        entry["OPTIONS"] |= {"SOCKET_TIMEOUT": 5, **options}
        settings.CACHES = {**settings.CACHES, alias: entry}
        stores.append(RedisStore(alias))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def url() -> str:
    """Return the address of the run's Redis, database 5."""
    return f"{os.environ['WORKFLOW_TEST_REDIS_URL']}/5"


@pytest.fixture(params=["RESP2", "RESP3", "without hiredis"])
def store(
    request: pytest.FixtureRequest, make_store: MakeStore, url: str
) -> RedisStore:
    """Return a store on the run's Redis, once for each way to read replies."""
    if request.param == "without hiredis":
        parser = "redis.connection._RESP2Parser"
        return make_store(f"{url}?protocol=2&db=5", PARSER_CLASS=parser)
    return make_store(f"{url}?protocol={request.param[-1]}")


@pytest.fixture
def client(url: str) -> Iterator["redis.Redis"]:
    """Yield a plain client of the run's Redis."""
    with redis.Redis.from_url(url) as client:
        yield client


@pytest.fixture
def prefix(client: "redis.Redis") -> Iterator[bytes]:
    """Yield the beginning of the names of this test's cells, which are removed after it."""
    prefix = f"cells:{uuid.uuid4().hex}:".encode()
    yield prefix
    if names := list(client.scan_iter(prefix + b"*", count=1000)):
        client.unlink(*names)


@pytest.fixture
def own_url(own_redis: Servers) -> str:
    """Return the address of this test's own Redis."""
    return f"{own_redis.environment['WORKFLOW_TEST_REDIS_URL']}/0"


@pytest.fixture
def own_client(own_url: str) -> Iterator["redis.Redis"]:
    """Yield a plain client of this test's own Redis."""
    with redis.Redis.from_url(own_url) as client:
        yield client


@pytest.fixture
def watched(own_client: "redis.Redis") -> Callable[[Callable[[], object]], list[str]]:
    """Return what runs a call and lists the commands that this test's Redis saw of it."""

    def watch(call: Callable[[], object]) -> list[str]:
        with own_client.monitor() as monitor:
            own_client.echo("from here")
            call()
            own_client.echo("to here")
            seen = list(iter(lambda: monitor.next_command()["command"], "ECHO to here"))
            return seen[seen.index("ECHO from here") + 1 :]

    return watch


@pytest.fixture
def own_store(make_store: MakeStore, own_url: str) -> RedisStore:
    """Return a store on this test's own Redis."""
    return make_store(own_url)


@pytest.fixture
def hasty_store(make_store: MakeStore, own_url: str) -> RedisStore:
    """Return a store on this test's own Redis that soon gives up."""
    return make_store(own_url, SOCKET_TIMEOUT=0.2)
