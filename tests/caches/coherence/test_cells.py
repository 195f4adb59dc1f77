"""The protocol of one process: what it costs, what it keeps, and how it forgets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import chain
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from settings.base import redis_cache
from tests.caches.gates import LIMIT_SECONDS, Gate
from tests.caches.processes import Cells, Numbers, Process, figures
from tests.factories import DetectorFactory, EnvironmentFactory
from tests.lookups.rows import linked, whole_detector, whole_workflow
from tests.models.outbox import run
from tests.queue.threads import elsewhere
from workflow_engine.caches.database import identity
from workflow_engine.caches.near import STAND_SECONDS
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.lookups import (
    detector_ids_by_route,
    workflow_ids_by_detector,
    workflows,
)
from workflow_engine.models import CacheOutbox
from workflow_engine.types.routes import candidate_routes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.redis]

NUMBERS = (1, 10, 501)


def settled(numbers: Numbers, *processes: Process) -> None:
    """Forget what was counted so far."""
    numbers.loaded()
    for process in processes:
        process.store.taken_calls()


@pytest.mark.parametrize("count", NUMBERS)
def test_cost__everything_is_missing(
    cells: Cells, numbers: Numbers, count: int
) -> None:
    reader = cells.process(numbers.declared)

    reader.get_many(numbers.question, range(count))

    assert reader.store.calls == ["read", "take", "fill"]
    assert numbers.loads == [list(range(count))]


@pytest.mark.parametrize("count", NUMBERS)
def test_cost__copies_stand(cells: Cells, numbers: Numbers, count: int) -> None:
    reader = cells.process(numbers.declared)
    reader.get_many(numbers.question, range(count))
    settled(numbers, reader)

    reader.get_many(numbers.question, range(count))

    assert reader.store.calls == ["read"]
    assert numbers.loads == []


@pytest.mark.parametrize("count", NUMBERS)
def test_cost__no_copies(cells: Cells, numbers: Numbers, count: int) -> None:
    cells.process(numbers.declared).get_many(numbers.question, range(count))
    reader = cells.process(numbers.declared)
    settled(numbers, reader)

    reader.get_many(numbers.question, range(count))

    assert reader.store.calls == ["read"]
    assert numbers.loads == []


@pytest.mark.parametrize("count", NUMBERS)
def test_cost__another_entry_was_forgotten(
    cells: Cells, numbers: Numbers, count: int
) -> None:
    reader, writer = cells.process(numbers.declared), cells.process(numbers.declared)
    reader.get_many(numbers.question, range(count + 1))
    writer.forget(numbers.question, count)
    reader.get(numbers.question, count + 1)
    settled(numbers, reader)

    first = [reader.get_many(numbers.question, range(count)) for _ in range(2)]

    assert reader.store.calls == ["read", "read", "read"]
    assert numbers.loads == []
    assert first == [dict.fromkeys(range(count), ())] * 2


@pytest.mark.parametrize("count", NUMBERS)
def test_cost__one_is_missing_among_many(
    cells: Cells, numbers: Numbers, count: int
) -> None:
    cells.process(numbers.declared).get_many(numbers.question, range(count))
    reader = cells.process(numbers.declared)
    settled(numbers, reader)

    reader.get_many(numbers.question, range(count + 1))

    assert reader.store.calls == ["read", "take", "fill"]
    assert numbers.loads == [[count]]


def test_cost__the_wait_runs_out(cells: Cells, numbers: Numbers) -> None:
    owner, reader = cells.process(numbers.declared), cells.process(numbers.declared)
    gate = owner.store.before["fill"] = Gate("the owner fills")
    answer = elsewhere(lambda: owner.get(numbers.question, 1))
    gate.wait_until_reached()
    settled(numbers, reader)

    reader.get_many(numbers.question, [1, 2, 3])
    gate.open()
    answer.result(LIMIT_SECONDS)

    assert numbers.loads == [[2, 3], [1]]


def test_cost__an_event_without_rules(cells: Cells) -> None:
    reader, other = cells.process(), cells.process()
    routes = candidate_routes("com.github.push.done", "/repo")

    with CaptureQueriesContext(
        connection,
    ) as cold:
        reader.get_many(detector_ids_by_route, routes)
    with CaptureQueriesContext(connection) as warm:
        reader.get_many(detector_ids_by_route, routes)
        other.get_many(detector_ids_by_route, routes)

    assert len(routes) == 10
    assert len(cold) == 1
    assert len(warm) == 0
    assert reader.store.calls == ["read", "take", "fill", "read"]
    assert other.store.calls == ["read"]

    detector = DetectorFactory(event_type="com.github.*", source="")

    with CaptureQueriesContext(connection) as after:
        found = reader.get_many(detector_ids_by_route, routes)
    assert len(after) == 1
    assert found["com.github.*", ""] == (detector.pk,)


def test_cost__workflows_for_detectors(cells: Cells) -> None:
    detectors = [whole_detector() for _ in range(3)]
    workflow = whole_workflow(environment=EnvironmentFactory(name="e"))
    for detector in detectors:
        linked(detector, workflow)
    keys = [detector.pk for detector in detectors]
    reader, other = cells.process(), cells.process()

    def look_up(process: Process) -> None:
        asked = process.look_up(workflow_ids_by_detector, workflows)
        ids = asked.get_many(workflow_ids_by_detector, keys)
        asked.get_many(workflows, [one for linked in ids.values() for one in linked])

    with CaptureQueriesContext(connection) as cold:
        look_up(reader)
    look_up(reader)
    reader.store.taken_calls()
    with CaptureQueriesContext(connection) as warm:
        look_up(reader)
        look_up(other)

    assert len(cold) == 2
    assert len(warm) == 0
    assert reader.store.calls == ["read"]
    assert other.store.calls == ["read", "read"]


@pytest.mark.parametrize("count", NUMBERS)
def test_cost__forgetting(cells: Cells, numbers: Numbers, count: int) -> None:
    reader, writer = cells.process(numbers.declared), cells.process(numbers.declared)
    reader.get_many(numbers.question, range(count))

    writer.forget(numbers.question, *range(count))

    assert writer.store.calls == ["unlink"]
    assert cells.client.exists(cells.generation(numbers.question)) == 0
    reader.get_many(numbers.question, range(count))
    assert numbers.loads == [list(range(count))] * 2


def test_copies__not_decoded_again_after_a_neighbour_was_forgotten(
    cells: Cells, numbers: Numbers
) -> None:
    numbers.rows = {key: (key,) for key in range(11)}
    reader, writer = cells.process(numbers.declared), cells.process(numbers.declared)
    before = reader.get_many(numbers.question, range(10))
    numbers.rows[10] = (0,)
    writer.forget(numbers.question, 10)

    compared = reader.get_many(numbers.question, range(10))
    numbers.rows[3] = (30,)
    writer.forget(numbers.question, 3)
    after = reader.get_many(numbers.question, range(10))

    assert all(before[key] is compared[key] for key in range(10))
    assert after[3] == (30,)
    assert all(before[key] is after[key] for key in range(10) if key != 3)


def test_copies__within_their_bound(
    cells: Cells, numbers: Numbers, settings: Settings
) -> None:
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "NEAR_ENTRIES": 50}
    reader = cells.process(numbers.declared)

    for start in range(0, 200, 10):
        reader.get_many(numbers.question, range(start, start + 10))
    copies = reader.place(numbers.question).near.copies

    assert 0 < len(copies) <= 50
    assert 199 in copies
    assert reader.get_many(numbers.question, range(200)) == dict.fromkeys(
        range(200), ()
    )


def test_copies__none_are_kept(
    cells: Cells, numbers: Numbers, settings: Settings
) -> None:
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "NEAR_ENTRIES": 0}
    numbers.rows = {1: (1,)}
    reader = cells.process(numbers.declared)

    answers = [reader.get(numbers.question, 1) for _ in range(3)]

    assert answers == [(1,)] * 3
    assert reader.place(numbers.question).near.copies == {}
    assert figures() == {"miss.absent": 1, "fill.stored": 1, "hit.cell": 2}


def test_copies__compared_again_after_a_while(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: (1,)}
    reader, other = cells.process(numbers.declared), cells.process(numbers.declared)
    reader.get(numbers.question, 1)
    numbers.rows = {1: (2,)}
    cells.evict(numbers.question, 1)  # and nothing said so to anybody
    other.get(numbers.question, 1)

    soon = reader.get(numbers.question, 1)
    reader.place(numbers.question).near.standing.since -= STAND_SECONDS
    late = reader.get(numbers.question, 1)

    assert (soon, late) == ((1,), (2,))


def test_staleness_bound__nothing_is_asked_within_it(
    cells: Cells, numbers: Numbers, settings: Settings
) -> None:
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "NEAR_MAX_STALENESS": 60}
    numbers.rows = {1: (1,), 2: (2,)}
    reader, other = cells.process(numbers.declared), cells.process(numbers.declared)
    reader.get_many(numbers.question, [1, 2])
    reader.get(numbers.question, 1)
    settled(numbers, reader)
    numbers.rows = {1: (3,), 2: (4,)}

    other.forget(numbers.question, 1)
    trusted = reader.get(numbers.question, 1)
    calls = reader.store.taken_calls()
    reader.forget(numbers.question, 2)
    own = reader.get_many(numbers.question, [1, 2])

    assert (trusted, calls) == ((1,), [])
    assert own == {1: (3,), 2: (4,)}


def test_staleness_bound__an_own_forget_while_a_reply_is_under_way(
    cells: Cells, numbers: Numbers, settings: Settings
) -> None:
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "NEAR_MAX_STALENESS": 60}
    numbers.rows = {1: (1,)}
    process = cells.process(numbers.declared)
    process.get(numbers.question, 1)
    process.get(numbers.question, 1)
    process.place(numbers.question).near.standing.seen_at = float("-inf")
    gate = process.store.after["read"] = Gate("a reply has come")
    answer = elsewhere(lambda: process.get(numbers.question, 1))
    gate.wait_until_reached()

    numbers.rows = {1: (2,)}
    process.forget(numbers.question, 1)
    gate.open()

    answer.result(LIMIT_SECONDS)
    assert process.get(numbers.question, 1) == (2,)


def test_forget_all__other_accesses_are_left(cells: Cells, numbers: Numbers) -> None:
    longer = Numbers("numbers2")
    numbers.declared.add(longer.question)
    process = cells.process(numbers.declared)
    other = cells.process(numbers.declared)
    for one in (numbers, longer):
        one.rows = {1: (1,)}
        process.get_many(one.question, range(600))
    numbers.rows, longer.rows = {1: (2,)}, {1: (2,)}

    other.forget_all(numbers.question)

    assert process.get(numbers.question, 1) == (2,)
    assert process.get(longer.question, 1) == (1,)
    left = {
        one.question.name: set(chain(*other.coherence.suffixes(one.question)))
        for one in (numbers, longer)
    }
    assert left["numbers"] == {"1"}
    assert len(left["numbers2"]) == 600


@pytest.fixture
def away(settings: Settings, numbers: Numbers) -> Process:
    """Return a process whose Redis is not there."""
    url = "redis://127.0.0.1:1/0"
    settings.CACHES = {**settings.CACHES, "away": redis_cache(url)}
    return Process("away", numbers.declared)


def test_away__reads_come_from_the_database(away: Process, numbers: Numbers) -> None:
    numbers.rows = {1: (1,)}

    answers = [away.get(numbers.question, 1) for _ in range(3)]

    assert answers == [(1,)] * 3
    assert figures() == {"bypass.breaker": 3}
    assert away.store.calls.count("ask_server") == 1


def test_away__forgetting_by_hand_says_so(away: Process, numbers: Numbers) -> None:
    with pytest.raises(CacheUnavailable):
        away.forget(numbers.question, 1)

    assert not away.coherence.gate.is_open


def test_away__found_out_while_reading(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: (1,), 2: (2,)}
    reader = cells.process(numbers.declared)
    reader.get(numbers.question, 1)
    figures()
    reader.store.before["read"] = _lose

    answers = reader.get_many(numbers.question, [1, 2])

    assert answers == {1: (1,), 2: (2,)}
    assert figures() == {"bypass.breaker": 2}


def test_away__found_out_while_filling(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: (1,)}
    reader = cells.process(numbers.declared)
    reader.store.before["fill"] = _lose

    answer = reader.get(numbers.question, 1)

    assert answer == (1,)
    assert figures() == {"miss.absent": 1, "refused.error": 1}
    assert numbers.loads == [[1]]


def test_away__a_failed_forget_closes(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: (1,)}
    process = cells.process(numbers.declared)
    process.get(numbers.question, 1)
    process.store.before["unlink"] = _lose
    numbers.rows = {1: (2,)}

    with pytest.raises(CacheUnavailable):
        process.forget(numbers.question, 1)

    assert process.get(numbers.question, 1) == (2,)
    assert figures()["bypass.breaker"] == 1


def _lose() -> None:
    raise CacheUnavailable("timeout", "no reply in time")


@pytest.mark.postgres
def test_open__not_before_what_is_owed_was_forgotten(
    cells: Cells, numbers: Numbers
) -> None:
    numbers.rows = {1: (1,)}
    cells.process(numbers.declared).get(numbers.question, 1)
    numbers.rows = {1: (2,)}
    CacheOutbox.objects.create(source="workflow_engine_detector", rows=[{"id": 1}])

    process = Process(cells.alias, numbers.declared)

    assert process.get(numbers.question, 1) == (2,)
    assert not CacheOutbox.objects.exists()
    process.store.close()


@pytest.mark.postgres
def test_open__somebody_holds_what_is_owed(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: (1,)}
    sweeper = cells.process(numbers.declared)
    sweeper.get(numbers.question, 1)
    numbers.rows = {1: (2,)}
    CacheOutbox.objects.create(source="workflow_engine_detector", rows=[{"id": 1}])
    gate = sweeper.store.before["unlink"] = Gate("the sweeper forgets")
    swept = elsewhere(sweeper.coherence.sweep)
    gate.wait_until_reached()
    process = Process(cells.alias, numbers.declared)
    figures()

    answer = process.get(numbers.question, 1)

    assert answer == (2,)
    assert figures() == {"bypass.breaker": 1}
    gate.open()
    assert swept.result(LIMIT_SECONDS) == 1
    process.store.close()


@contextmanager
def untold() -> Iterator[None]:
    """Have a database that does not say which it is."""
    run("CREATE ROLE wfe_test_nobody NOLOGIN")
    run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO wfe_test_nobody")
    run("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    try:
        run("SET ROLE wfe_test_nobody")
        yield
    finally:
        run("RESET ROLE")
        run("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
        run("DROP OWNED BY wfe_test_nobody")
        run("DROP ROLE wfe_test_nobody")


@contextmanager
def unmigrated() -> Iterator[None]:
    """Have a database that has no outbox yet."""
    run("ALTER TABLE workflow_engine_cacheoutbox RENAME TO wfe_test_later")
    try:
        yield
    finally:
        run("ALTER TABLE wfe_test_later RENAME TO workflow_engine_cacheoutbox")


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("unknown", "reason"), [(untold, "no_identity"), (unmigrated, "breaker")]
)
def test_open__which_database_it_is_is_not_known(
    cells: Cells,
    numbers: Numbers,
    settings: Settings,
    unknown: Callable[[], AbstractContextManager[None]],
    reason: str,
) -> None:
    breaker = {"errors": 3, "retry_seconds": 0}
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "CACHE_BREAKER": breaker}
    numbers.rows = {1: (1,)}
    process = Process(cells.alias, numbers.declared)

    with unknown():
        with suppress(CacheUnavailable):
            identity("default", again=True)
        early = [process.get(numbers.question, 1) for _ in range(2)]
        bypassed = figures()
    late = [process.get(numbers.question, 1) for _ in range(2)]
    filled = figures()
    process.store.close()

    assert early + late == [(1,)] * 4
    assert bypassed == {f"bypass.{reason}": 2}
    assert filled == {"miss.absent": 1, "fill.stored": 1, "hit.near": 1}
    assert cells.process(numbers.declared).get(numbers.question, 1) == (1,)
    assert figures() == {"hit.cell": 1}


@pytest.mark.postgres
def test_transaction__which_database_it_is_is_not_asked(
    cells: Cells, numbers: Numbers, django_assert_num_queries: Any
) -> None:
    numbers.rows = {1: (1,)}
    process = Process(cells.alias, numbers.declared)

    with untold():
        with suppress(CacheUnavailable):
            identity("default", again=True)
        with transaction.atomic(), django_assert_num_queries(0):
            answer = process.get(numbers.question, 1)

    assert answer == (1,)


@pytest.mark.postgres
def test_open__a_database_that_does_not_tell_is_not_asked_by_every_look_up(
    cells: Cells, numbers: Numbers, settings: Settings, django_assert_num_queries: Any
) -> None:
    breaker = {"errors": 3, "retry_seconds": 60}
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "CACHE_BREAKER": breaker}
    process = Process(cells.alias, numbers.declared)

    with untold():
        with suppress(CacheUnavailable):
            identity("default", again=True)
        process.get(numbers.question, 1)
        with django_assert_num_queries(0):
            process.get(numbers.question, 1)


def test_peek__everything_that_can_be_there(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: (1,)}
    reader, other = cells.process(numbers.declared), cells.process(numbers.declared)

    def seen(process: Process) -> tuple[str, str, tuple[Any, ...]]:
        found = process.coherence.peek(numbers.question, 1)
        return found.state.value, found.near.value, found.answers

    absent = seen(reader)
    gate = other.store.before["fill"] = Gate("another process fills")
    answer = elsewhere(lambda: other.get(numbers.question, 1))
    gate.wait_until_reached()
    permit = seen(reader)
    gate.open()
    answer.result(LIMIT_SECONDS)
    value = seen(reader)
    reader.get(numbers.question, 1)
    stands = seen(reader)
    cells.evict_generation(numbers.question)
    same = seen(reader)
    other.forget(numbers.question, 1)
    other.get(numbers.question, 1)
    replaced = seen(reader)
    cells.put(numbers.question, 1, b"garbage")
    unusable = reader.coherence.peek(numbers.question, 1)

    assert absent == ("absent", "none", ())
    assert permit == ("permit", "none", ())
    assert value == ("value", "none", ((1,),))
    assert stands == ("value", "stands", ((1,),))
    assert same == ("value", "same", ((1,),))
    assert replaced == ("value", "other", ((1,),))
    assert (unusable.state, unusable.reason) == ("unusable", "undecodable")
    assert cells.cell(numbers.question, 1) == b"garbage"


def test_peek__changes_nothing(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {1: (1,)}
    process = cells.process(numbers.declared)
    process.get(numbers.question, 1)
    cell, life_ms = cells.cell(numbers.question, 1), 1_000
    cells.client.pexpire(cells.name(numbers.question, 1), life_ms)
    settled(numbers, process)
    figures()

    found = process.coherence.peek(numbers.question, 1)

    assert found.nonce == (cell or b"")[18:34].hex()
    assert 0 < (found.life_left_ms or 0) <= life_ms
    assert numbers.loads == []
    assert figures() == {}
    assert cells.cell(numbers.question, 1) == cell


def test_threads__copies_are_shared(cells: Cells, numbers: Numbers) -> None:
    numbers.rows = {key: (key,) for key in range(50)}
    process = cells.process(numbers.declared)
    start = threading.Barrier(8)

    def read() -> bool:
        start.wait(LIMIT_SECONDS)
        return all(
            process.get(numbers.question, key) == (key,)
            for _ in range(10)
            for key in range(50)
        )

    readers = [elsewhere(read) for _ in range(8)]

    assert all(reader.result(LIMIT_SECONDS) for reader in readers)
    assert sum(map(len, numbers.loads)) >= 50
