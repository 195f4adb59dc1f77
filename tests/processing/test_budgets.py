"""What an event costs, as numbers: statements beside look-ups, for any size of batch."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.processing.queries import running_statements
from tests.processing.world import Carry, If, World
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.processing.pipeline import process

MOST_IN_A_TRANSACTION = 9
# SQLite parts a statement of more than a thousand parameters.
MANY_WORKFLOWS = pytest.param(12, marks=pytest.mark.postgres)
MANY_EVENTS = pytest.param(20, marks=pytest.mark.postgres)
FREQUENCY = {"type": "frequency", "period": 60, "op": "gte", "value": 3}
ON_RESOLVE = Carry(action="email", on_resolve=True)

#: What vouches for warm entries at each of two look-ups: of detectors, of workflows.
STORES = [
    pytest.param({"CACHE_ALIAS": "default"}, 0, id="redis", marks=pytest.mark.redis),
    pytest.param({"CACHE_ALIAS": None}, 1, id="process"),
]


def _cost(work: Callable[[], object]) -> list[str]:
    """Return a word per statement on running rows: its verb and the model's name."""
    with CaptureQueriesContext(connection) as queries:
        work()
    return [_word(sql) for sql in running_statements(queries)]


def _word(sql: str) -> str:
    verb = next(v for v in ("INSERT", "UPDATE", "DELETE", "SELECT") if v in sql)
    # Whether a pause lasts is asked in the statement itself, by its guard.
    tables = r'(?:INTO|UPDATE|FROM|JOIN) "workflow_engine_(?!pause")(\w+)"'
    table = re.search(tables, sql)
    return f"{verb} {table[1] if table else '?'}"


@pytest.mark.parametrize("size", [1, 40])
def test_cost__nobody_watches(world: World, size: int) -> None:
    events = [world.event(type="nobody.watches") for _ in range(size)]

    assert _cost(lambda: world.process(*events)) == []


@pytest.mark.parametrize("size", [1, 40])
def test_cost__stateless_and_nothing_matched(world: World, size: int) -> None:
    world.detector("orders", trigger=["data.amount gt 5"])
    world.detector("every")
    world.workflow("tell", "orders", "every", when=["data.vip eq true"])
    events = [world.event(amount=n, vip=False) for n in range(size)]

    assert _cost(lambda: world.process(*events)) == []


def test_cost__one_by_one_is_nothing_forty_times(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=["data.vip eq true"])

    def one_by_one() -> None:
        for number in range(40):
            world.one(f"e{number}", vip=False)

    assert _cost(one_by_one) == []


@pytest.mark.parametrize("size", [1, 100])
def test_cost__look_ups_once_for_a_batch(world: World, size: int) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=["data.vip eq true"])
    events = [world.event(subject=f"cart-{n}", vip=False) for n in range(size)]

    with CaptureQueriesContext(connection) as queries:
        world.process(*events)

    # In a transaction, so not from the cache: routes, detectors, links, workflows.
    assert len(queries) == 4


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [1, 100, 1000])
@pytest.mark.parametrize(("store", "statements"), STORES)
def test_cost__warm_and_nothing_matched(
    world: World,
    settings: Settings,
    store: dict[str, str | None],
    statements: int,
    size: int,
) -> None:
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, **store}
    world.detector("orders", trigger=["data.amount gt 5"])
    world.detector("every")
    world.workflow("tell", "orders", "every", when=["data.vip eq true"])
    world.process(world.event(amount=9, vip=False))
    events = [world.event(amount=n % 10, vip=False) for n in range(size)]

    with CaptureQueriesContext(connection) as queries:
        outcomes = world.process(*events)

    assert {one.outcome for one in outcomes} == {"no_match"}
    words = [_word(query["sql"]) for query in queries.captured_queries]
    assert words == ["SELECT cachegeneration"] * statements * 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [1, 100, 1000])
@pytest.mark.parametrize(("store", "statements"), STORES)
def test_cost__warm_and_nobody_watches(
    world: World,
    settings: Settings,
    store: dict[str, str | None],
    statements: int,
    size: int,
) -> None:
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, **store}
    world.detector("orders")
    world.process(world.event(type="nobody.watches"))
    events = [world.event(type="nobody.watches") for _ in range(size)]

    with CaptureQueriesContext(connection) as queries:
        world.process(*events)

    words = [_word(query["sql"]) for query in queries.captured_queries]
    assert words == ["SELECT cachegeneration"] * statements


@pytest.mark.parametrize("size", [1, 40])
def test_cost__stateful_and_nothing_moved(world: World, size: int) -> None:
    world.threshold("hot")
    events = [world.event(subject=f"cart-{n}", value="none") for n in range(size)]

    assert _cost(lambda: world.process(*events)) == ["SELECT detectorstate"]


@pytest.mark.parametrize("size", [1, 40])
def test_cost__stateful_and_moved(world: World, size: int) -> None:
    world.threshold("hot", breaches=2)
    events = [world.event(subject=f"cart-{n}", value=11) for n in range(size)]

    assert _cost(lambda: world.process(*events)) == [
        "SELECT detectorstate",
        "INSERT eventreceipt",
        "INSERT detectorstate",
    ]


@pytest.mark.parametrize("size", [1, 40])
def test_cost__match(world: World, size: int) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", interval=300)
    events = [world.event(subject=f"cart-{n}") for n in range(size)]

    assert _cost(lambda: world.process(*events)) == [
        "INSERT eventreceipt",
        "INSERT actioninterval",
        "INSERT decision",
        "INSERT workflowdecision",
        "INSERT firing",
        "INSERT workitem",
    ]


@pytest.mark.parametrize("size", [1, 40])
def test_cost__held_match(world: World, size: int) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", interval=300)
    world.process(*(world.event(subject=f"cart-{n}") for n in range(size)))
    events = [world.event(subject=f"cart-{n}") for n in range(size)]

    assert _cost(lambda: world.process(*events)) == [
        "INSERT eventreceipt",
        "INSERT actioninterval",
        "INSERT decision",
        "INSERT workflowdecision",
    ]


@pytest.mark.parametrize("size", [1, 40])
def test_cost__slow_answer_awaited(world: World, size: int) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[FREQUENCY])
    events = [world.event(subject=f"cart-{n}") for n in range(size)]

    assert _cost(lambda: world.process(*events)) == [
        "INSERT eventreceipt",
        "INSERT eventcount",
        "INSERT decision",
        "INSERT workflowdecision",
        "INSERT workitem",
    ]


@pytest.mark.parametrize("size", [1, 40])
def test_cost__counts_of_all_items_in_one_read(world: World, size: int) -> None:
    world.detector("orders")
    world.workflow("tell", "orders", when=[FREQUENCY])
    world.process(*(world.event(subject=f"cart-{n}") for n in range(size)))
    world.at(2)
    pairs = world.claim()

    cost = _cost(lambda: world.execute(*pairs))

    assert len(pairs) == size
    assert len([word for word in cost if word == "SELECT eventcount"]) == 1


@pytest.mark.parametrize("workflows", [1, MANY_WORKFLOWS])
@pytest.mark.parametrize("size", [1, MANY_EVENTS])
def test_cost__everything_at_once_is_nine_statements(
    world: World, workflows: int, size: int
) -> None:
    world.threshold("hot")
    world.threshold("over", levels={"high": 100}, resolve=100)
    for number in range(workflows):
        carries = [Carry(action=f"a{number}-{n}") for n in range(3)]
        carries.append(Carry(action=f"a{number}-0", delay=600))
        ifs = [If(carries=carries), If(conditions=[FREQUENCY], carries=["later"])]
        world.workflow(f"w{number}", "hot", ifs=ifs, interval=300)
    world.workflow("ends", "over", carries=[ON_RESOLVE])
    subjects = [f"cart-{n}" for n in range(size)]
    world.process(*(world.event(subject=s, value=200) for s in subjects))
    world.process(*(world.event(subject=s, value=5) for s in subjects))
    world.at(400)
    events = [world.event(subject=s, value=50) for s in subjects]

    cost = _cost(lambda: world.process(*events))

    assert cost[0] == "SELECT detectorstate"
    written = cost[1:]
    assert len(written) <= MOST_IN_A_TRANSACTION, written
    assert {"INSERT firing", "INSERT eventcount", "INSERT actioninterval"} <= {*written}


@pytest.mark.parametrize("size", [1, 20])
def test_cost__end_of_an_episode_does_not_depend_on_the_batch(
    world: World, size: int
) -> None:
    world.threshold("hot")
    world.workflow("tell", "hot", carries=[ON_RESOLVE], interval=300)
    subjects = [f"cart-{n}" for n in range(size)]
    world.process(*(world.event(subject=s, value=11) for s in subjects))
    world.run()
    events = [world.event(subject=s, value=1) for s in subjects]

    assert _cost(lambda: world.process(*events)) == [
        "SELECT detectorstate",
        "INSERT eventreceipt",
        "INSERT detectorstate",
        "SELECT firing",
        "INSERT decision",
        "INSERT workflowdecision",
        "INSERT firing",
        "INSERT workitem",
    ]


def test_cost__cancelling_does_not_depend_on_the_batch(world: World) -> None:
    world.threshold("hot")
    late = Carry(action="page", delay=600)
    world.workflow("tell", "hot", carries=[late], interval=300)

    def ending(size: int) -> list[str]:
        subjects = [f"of-{size}-{n}" for n in range(size)]
        world.process(*(world.event(subject=s, value=11) for s in subjects))
        events = [world.event(subject=s, value=1) for s in subjects]
        now = world.clock.now()
        return _cost(lambda: process(events, DatabaseLedger(), now))

    assert ending(1) == ending(20)


def test_cost__firing_that_succeeds(world: World) -> None:
    world.detector("orders")
    world.workflow("tell", "orders")
    world.one()
    pairs = world.claim()

    cost = _cost(lambda: world.execute(*pairs))

    assert cost == [
        "UPDATE workitem",
        "SELECT firing",
        "UPDATE firing",
        "INSERT delivery",
        "UPDATE workitem",
        "UPDATE firing",
    ]
