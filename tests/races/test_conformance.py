"""The real client, on real servers, does what the model does, step by step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

import pytest
import redis
from django.db import connection, transaction
from django.db.models import Model
from pytest_django import Settings

from settings.base import redis_cache
from tests.factories import DetectorFactory, WorkflowFactory
from tests.races.checker.configurations import APART, MIXED
from tests.races.checker.model import Budget
from tests.races.checker.system import Configuration, System
from tests.races.checker.traces import found_without, sample_traces
from tests.races.checker.variants import VARIANTS
from tests.races.conformance.along import Along
from tests.races.conformance.astray import Astray
from tests.races.conformance.cast import Cast, connected
from tests.races.conformance.questions import by_source, shown
from tests.races.conformance.scene import Scene
from tests.races.conformance.stage import stop
from tests.servers import Servers
from tests.waiting import wait_until
from workflow_engine.models import CacheOutbox, Environment, Workflow

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.django_db(transaction=True),
]

#: How many sampled traces are gone along in all, and which.
TRACES: Final = int(os.environ.get("WORKFLOW_TEST_TRACES", "1000"))
SEED: Final = int(os.environ.get("WORKFLOW_TEST_TRACES_SEED", "1"))

#: Where they are drawn from; all that commit are owed in the outbox, as in reality.
SAMPLED: Final = {
    "mixed": MIXED,
    "memory full": Configuration(
        readers=APART,
        looks=4,
        writers=2,
        drains=True,
        budget=Budget(fillings_up=2, evictions=1, generation_evictions=2),
    ),
    "psql": Configuration(
        readers=APART,
        looks=4,
        writers=2,
        forgets=False,
        aborts=True,
        sweeps=2,
        budget=Budget(kills=2, expiries=1, generation_evictions=1),
    ),
}

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
def redis_alias(server: str, settings: Settings) -> str:
    """Return the alias of that Redis, empty."""
    entry = redis_cache(f"{server}/0")
    entry["OPTIONS"] |= {"SOCKET_TIMEOUT": 2, "SOCKET_CONNECT_TIMEOUT": 2}
    settings.CACHES = {**settings.CACHES, ALIAS: entry}
    settings.WORKFLOW_ENGINE = {
        **settings.WORKFLOW_ENGINE,
        "CACHE_WAIT_SECONDS": 0,  # whoever waits looks once
        "CACHE_VERIFY_SHARE": 0,
        "CACHE_BREAKER": {"errors": 5, "retry_seconds": 0.1},
    }
    with redis.Redis.from_url(f"{server}/0") as client:
        client.flushall()
    return ALIAS


@pytest.fixture
def cast(redis_alias: str) -> Iterator[Cast]:
    """Yield everybody, on one row."""
    row = Environment.objects.create(name="v0")
    with connected(Cast(redis_alias, row.pk)) as made:
        yield made


@pytest.fixture
def scene(server: str, cast: Cast) -> Iterator[Scene]:
    """Yield the server and the row, after a look-up that told the names in Redis."""
    with redis.Redis.from_url(f"{server}/0") as client:
        cast.look_up()
        names = sorted(client.keys("*"), key=len)
        generation = next(name for name in names if name.endswith(b":g"))
        cell = next(name for name in names if name != generation)
        made = Scene(client, cell, generation, cast.key, cast.question.codec)
        yield made
        client.config_set("maxmemory", 0)


@pytest.mark.parametrize(
    ("name", "share"), [("mixed", 0.6), ("memory full", 0.2), ("psql", 0.2)]
)
def test_client__along_sampled_traces(
    cast: Cast, scene: Scene, name: str, share: float
) -> None:
    configuration = SAMPLED[name]
    number = round(TRACES * share)
    for trace in sample_traces(number, SEED, configuration):
        Along(cast, scene, configuration, list(trace)).run()


def test_client__led_astray__stays_fresh(
    cast: Cast, scene: Scene, servers: Servers, subtests: pytest.Subtests
) -> None:
    pid = servers.pids["redis"]
    assert pid is not None
    for name in ENTRY_VARIANTS:
        system = VARIANTS[name].build(VARIANTS[name].rules)
        assert isinstance(system, System)
        with subtests.test(name):
            trace = found_without(name).trace
            Astray(cast, scene, system.configuration, trace, pid).run()


def test_client__two_ids_out_of_order(cast: Cast) -> None:
    """O3, by presence: the older id is committed when the newer one has been swept."""
    other = Environment.objects.create(name="v9")
    CacheOutbox.objects.all().delete()
    reader, sweeper = cast.actor("R1"), cast.actor("S1")
    first, second = cast.actor("T1"), cast.actor("T2")

    first.begin(cast.writes_by_sql(1))
    reader.do(cast.look_up)
    second.begin(cast.writes_by_sql(8, other.pk))
    second.finish()
    sweeper.do(cast.sweep)
    first.finish()
    sweeper.do(cast.sweep)
    reader.do(cast.look_up)

    assert (second.told, sweeper.told, reader.told) == (True, 1, 1)


@pytest.mark.parametrize("is_held", [False, True], ids=["the hook drains", "waiting"])
def test_client__row_moves_twice(redis_alias: str, is_held: bool) -> None:
    """O3: W2 knows the row as it was before W1, whose outbox row says how it became."""
    row = DetectorFactory(source="B")
    CacheOutbox.objects.all().delete()
    with connected(Cast(redis_alias, row.pk, by_source)) as cast:
        reader, sweeper = cast.actor("R1"), cast.actor("S1")
        first, second = cast.actor("W1"), cast.actor("W2")
        second.stops_at_update = True

        first.begin(lambda: _change(row, source="D"))
        second.begin(lambda: _change(row, source="C"))
        first.to("removes the cell")
        reader.do(lambda: cast.look_up("D"))
        before = reader.told
        second.to("locks")
        if is_held:
            sweeper.begin(cast.sweep)
            sweeper.to("removes the cell")
            second.let_go()
            wait_until(_somebody_waits, "W2 waits for S1", limit_seconds=5)
            sweeper.finish()
            second.arrive()
        second.finish()
        reader.do(lambda: cast.look_up("D"))

        assert (before, reader.told) == ((row.pk,), ())


@pytest.mark.parametrize("begins_linked", [True, False], ids=["before", "after"])
def test_client__resolved_on_both_sides(redis_alias: str, begins_linked: bool) -> None:
    """T1's forget, before its drain: children of before its commit, and of after it."""
    parent = Environment.objects.create(name="prod", description="v0")
    child = WorkflowFactory(environment=parent if begins_linked else None)
    CacheOutbox.objects.all().delete()
    with connected(Cast(redis_alias, child.pk, shown)) as cast:
        reader, first, second = (cast.actor(name) for name in ("R1", "T1", "T2"))
        link = None if begins_linked else parent

        reader.do(cast.look_up)
        first.begin(lambda: _change(parent, description="v1"))
        first.to("commits")
        if begins_linked:
            first.go()
        second.begin(lambda: _link(child.pk, link))
        second.to("removes the cell")
        first.to("locks")
        reader.do(cast.look_up)

        assert reader.told == ("" if begins_linked else "v1")


def _change(instance: Model, **changes: str) -> None:
    with transaction.atomic():
        row = type(instance).objects.get(pk=instance.pk)  # type: ignore[attr-defined]
        for name, value in changes.items():
            setattr(row, name, value)
        row.save()
        stop("commits")


def _link(key: int, parent: Environment | None) -> None:
    child = Workflow.objects.get(pk=key)
    child.environment = parent
    child.save()


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])
