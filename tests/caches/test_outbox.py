"""Draining the outbox: in which order, as far as when, and what stays when it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.functions import Now
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from tests.caches.questions import numbers
from tests.models.outbox import asked, clear, run, session
from tests.queue.threads import (
    LIMIT_SECONDS,
    elsewhere,
    wait_until_somebody_waits,
)
from tests.waiting import wait_until
from workflow_engine import clock
from workflow_engine.caches import CacheAccess, CacheMapping, Resolved, Row
from workflow_engine.caches.declared import Declared
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.outbox import Drained, Owing, drain, keep_alive, prune
from workflow_engine.metrics.counts import counts
from workflow_engine.models import CacheOutbox, Detector, Environment

pytestmark = pytest.mark.django_db(transaction=True)
postgres = pytest.mark.postgres

TABLE = Environment._meta.db_table
Forgotten = list[Any]


@pytest.fixture(autouse=True)
def _nothing_owed() -> None:
    clear()
    counts.take()


@pytest.fixture
def declared() -> Declared:
    found = Declared()
    numbers("by_row", Environment, among=found)
    return found


def owe(*numbers_: int, source: str = TABLE) -> None:
    for number in numbers_:
        CacheOutbox.objects.create(source=source, rows=[{"id": number}])


def owe_many(count: int) -> None:
    run(
        "INSERT INTO workflow_engine_cacheoutbox (source, rows)"
        " SELECT %s, jsonb_build_array(jsonb_build_object('id', n))"
        " FROM generate_series(1, %s) AS n",
        TABLE,
        count,
    )


def keys(owing: Owing) -> dict[str, Any]:
    together = Entries()
    for entries in owing.values():
        together.update(entries)
    found: dict[str, Any] = {one.name: keys for one, keys in together.some()}
    return found | {question.name: "all" for question in together.whole()}


def forget_into(forgotten: Forgotten) -> Callable[[Owing], None]:
    return lambda owing: forgotten.append(keys(owing))


def drain_all(declared: Declared, *, waits: bool = True) -> tuple[Drained, Forgotten]:
    forgotten: Forgotten = []
    drained = drain("default", declared, forget_into(forgotten), waits=waits, seconds=5)
    return drained, forgotten


def resolved(
    among: Declared, resolve: Callable[[Sequence[Row], str], set[int]]
) -> CacheAccess[int, int]:
    return CacheAccess(
        CacheMapping("asked", str),
        load=lambda keys: {key: key for key in keys},
        depends_on={Environment: Resolved(("id",), resolve)},
        value_type=int,
        among=among,
    )


@contextmanager
def held(declared: Declared) -> Iterator[tuple[threading.Event, Future[Drained]]]:
    """Have a sweep hold what is owed right now until the event is set."""
    is_held, may_go = threading.Event(), threading.Event()

    def forget(owing: Owing) -> None:
        is_held.set()
        assert may_go.wait(LIMIT_SECONDS), "the test did not let the sweep go"

    sweep = elsewhere(
        lambda: drain("default", declared, forget, waits=False, seconds=5)
    )
    assert is_held.wait(LIMIT_SECONDS), "the sweep has not taken anything"
    try:
        yield may_go, sweep
    finally:
        may_go.set()


def until(moment: float) -> None:
    wait_until(
        lambda: clock.monotonic() > moment, "time passed", limit_seconds=LIMIT_SECONDS
    )


@contextmanager
def holding(number: int) -> Iterator[BaseDatabaseWrapper]:
    """Yield a connection that holds one row until it rolls back."""
    lock = "SELECT FROM workflow_engine_cacheoutbox WHERE id = %s FOR UPDATE"
    with session() as other:
        other.set_autocommit(False)
        run(lock, number, on=other)
        try:
            yield other
        finally:
            other.rollback()


@postgres
@pytest.mark.parametrize("waits", [True, False])
def test_drain__forgets_and_takes(declared: Declared, waits: bool) -> None:
    owe(1, 2)
    owe(2, 3)

    drained, forgotten = drain_all(declared, waits=waits)

    assert drained == Drained(rows=4, is_complete=True)
    assert forgotten == [{"by_row": {1, 2, 3}}]
    assert CacheOutbox.objects.count() == 0


@postgres
def test_drain__of_nothing_forgets_nothing(declared: Declared) -> None:
    drained, forgotten = drain_all(declared)

    assert (drained, forgotten) == (Drained(rows=0, is_complete=True), [])


@postgres
def test_drain__any_row_of_a_table(declared: Declared) -> None:
    owe(1)
    CacheOutbox.objects.create(source=TABLE, rows=None)

    _, forgotten = drain_all(declared)

    assert forgotten == [{"by_row": "all"}]


@postgres
@pytest.mark.parametrize("source", ["no_such_table", Detector._meta.db_table])
def test_drain__a_source_that_nothing_depends_on(
    declared: Declared, source: str
) -> None:
    owe(1, source=source)

    drained, forgotten = drain_all(declared)

    assert (drained.rows, forgotten) == (1, [])
    assert CacheOutbox.objects.count() == 0


@postgres
def test_drain__one_call_for_all_rows_of_a_model(declared: Declared) -> None:
    calls: list[int] = []

    def resolve(rows: Sequence[Row], using: str) -> set[int]:
        calls.append(len(rows))
        return {row["id"] * 10 for row in rows}

    resolved(declared, resolve)
    owe(1, 2, 3)

    _, forgotten = drain_all(declared)

    assert forgotten == [{"by_row": {1, 2, 3}, "asked": {10, 20, 30}}]
    assert calls == [3]


def _raises(rows: Sequence[Row], using: str) -> set[int]:
    raise ValueError("no idea")


def _asks_nonsense(rows: Sequence[Row], using: str) -> set[int]:
    run("SELECT no_such_column")
    return set()


@postgres
@pytest.mark.parametrize("resolve", [_raises, _asks_nonsense])
def test_drain__a_function_that_raises(
    declared: Declared,
    resolve: Callable[[Sequence[Row], str], set[int]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    resolved(declared, resolve)
    owe(1)

    drained, forgotten = drain_all(declared)

    assert drained == Drained(rows=1, is_complete=True)
    assert forgotten == [{"by_row": {1}, "asked": "all"}]
    assert CacheOutbox.objects.count() == 0
    errors = [one for one in counts.take() if one.counter == "error"]
    assert [(one.scope, one.reason, one.count) for one in errors] == [
        ("asked", "resolve", 1)
    ]
    assert "not known" in caplog.text


class _Unreachable(Exception):
    """The server is away."""


@postgres
def test_drain__what_could_not_be_forgotten_stays(declared: Declared) -> None:
    owe(1, 2)

    def forget(owing: Owing) -> None:
        raise _Unreachable

    with pytest.raises(_Unreachable):
        drain("default", declared, forget, waits=True, seconds=5)

    assert CacheOutbox.objects.count() == 2
    assert drain_all(declared)[0].rows == 2


@postgres
@pytest.mark.parametrize(
    ("waits", "first"), [(True, 1001), (False, 1)], ids=["newest", "oldest"]
)
def test_drain__portions(declared: Declared, waits: bool, first: int) -> None:
    owe_many(1001)

    drained, forgotten = drain_all(declared, waits=waits)

    assert drained == Drained(rows=1001, is_complete=True)
    assert [len(one["by_row"]) for one in forgotten] == [500, 500, 1]
    assert first in forgotten[0]["by_row"]


@postgres
def test_drain__what_fails_later_keeps_what_was_done(declared: Declared) -> None:
    owe_many(501)
    forgotten: Forgotten = []

    def forget(owing: Owing) -> None:
        if forgotten:
            raise _Unreachable
        forgotten.append(owing)

    with pytest.raises(_Unreachable):
        drain("default", declared, forget, waits=True, seconds=5)

    assert CacheOutbox.objects.count() == 1


@postgres
def test_drain__has_no_more_time(declared: Declared) -> None:
    owe_many(501)

    drained = drain("default", declared, lambda _: None, waits=True, seconds=0)

    assert drained == Drained(rows=500, is_complete=False)


@postgres
def test_drain__leaves_held_rows_to_their_holder(declared: Declared) -> None:
    owe(1)
    with held(declared) as (may_go, sweep):
        owe(2)

        drained, forgotten = drain_all(declared, waits=False)

        may_go.set()
        swept = sweep.result(LIMIT_SECONDS)
    assert (drained.rows, forgotten) == (1, [{"by_row": {2}}])
    assert swept.rows == 1


@postgres
def test_drain__waits_for_held_rows(declared: Declared) -> None:
    owe(1)
    with held(declared) as (may_go, sweep):
        owe(2)

        waiting = elsewhere(lambda: drain_all(declared))
        wait_until_somebody_waits()
        was_done = waiting.done()
        may_go.set()
        drained, forgotten = waiting.result(LIMIT_SECONDS)

        swept = sweep.result(LIMIT_SECONDS)
    assert not was_done
    assert (drained, forgotten) == (
        Drained(rows=1, is_complete=True),
        [{"by_row": {2}}],
    )
    assert swept.rows == 1


@postgres
def test_drain__waits_only_so_long(declared: Declared) -> None:
    owe(1)
    with held(declared):
        drained = drain("default", declared, lambda _: None, waits=True, seconds=0.1)

    assert drained == Drained(rows=0, is_complete=False)


@postgres
def test_drain__waits_only_so_long_for_one_after_the_other(declared: Declared) -> None:
    owe(*range(5))
    newest_first = list(
        CacheOutbox.objects.order_by("-pk").values_list("pk", flat=True)
    )
    with ExitStack() as stack:
        holders = [stack.enter_context(holding(pk)) for pk in newest_first]
        waiting = elsewhere(
            lambda: drain("default", declared, lambda _: None, waits=True, seconds=0.6)
        )
        wait_until_somebody_waits()
        began = clock.monotonic()
        for number, holder in enumerate(holders, start=1):
            until(began + 0.4 * number)  # each lets go before its row is given up
            holder.rollback()

        drained = waiting.result(LIMIT_SECONDS)

    assert drained == Drained(rows=0, is_complete=False)
    assert CacheOutbox.objects.count() == 5


@postgres
def test_drain__what_resolvers_ask_is_not_bound(declared: Declared) -> None:
    limits: list[str] = []

    def resolve(rows: Sequence[Row], using: str) -> set[int]:
        limits.append(asked("SHOW statement_timeout"))
        return set()

    resolved(declared, resolve)
    owe(1)

    drain_all(declared)

    assert limits == [asked("SHOW statement_timeout")] == ["0"]


@postgres
@pytest.mark.parametrize("waits", [True, False])
def test_drain__killed_between_taking_and_commit(
    declared: Declared, waits: bool
) -> None:
    owe(1)

    def forget(owing: Owing) -> None:
        number = asked("SELECT pg_backend_pid()")
        with session() as other:
            run("SELECT pg_terminate_backend(%s, 5000)", number, on=other)

    with pytest.raises(OperationalError):
        drain("default", declared, forget, waits=waits, seconds=5)

    assert CacheOutbox.objects.count() == 1
    assert drain_all(declared)[1] == [{"by_row": {1}}]


@postgres
def test_drain__that_hangs_is_ended_by_the_server(declared: Declared) -> None:
    owe(1)
    taken_over: Forgotten = []

    def forget(owing: Owing) -> None:
        other = elsewhere(lambda: drain_all(declared))
        taken_over.append(other.result(LIMIT_SECONDS))

    with pytest.raises(DatabaseError, match="idle-in-transaction"):
        drain("default", declared, forget, waits=False, seconds=5, idle_seconds=0.2)

    assert taken_over == [(Drained(rows=1, is_complete=True), [{"by_row": {1}}])]


@postgres
def test_drain__that_is_slow_but_works_is_not_ended(declared: Declared) -> None:
    owe(1)
    began = clock.monotonic()

    def works() -> bool:
        keep_alive("default")
        return clock.monotonic() > began + 1.0

    drained = drain(
        "default",
        declared,
        lambda _: wait_until(works, "a second passed", limit_seconds=LIMIT_SECONDS),
        waits=True,
        seconds=5,
        idle_seconds=0.5,
    )

    assert drained == Drained(rows=1, is_complete=True)


@postgres
def test_drain__sees_rows_as_they_are(declared: Declared) -> None:
    owe(1)
    isolation: list[str] = []
    connection.ensure_connection()
    run("SET default_transaction_isolation = 'repeatable read'")
    try:
        drain(
            "default",
            declared,
            lambda _: isolation.append(asked("SHOW transaction_isolation")),
            waits=True,
            seconds=5,
        )
    finally:
        run("RESET default_transaction_isolation")

    assert isolation == ["read committed"]
    assert asked("SHOW idle_in_transaction_session_timeout") == "0"
    assert asked("SHOW lock_timeout") == "0"


@postgres
def test_drain__has_four_round_trips(declared: Declared) -> None:
    owe(1)

    with CaptureQueriesContext(connection) as sent:
        drain_all(declared)

    assert [one["sql"].split()[0] for one in sent] == [
        "BEGIN",
        "SET",
        "DELETE",
        "COMMIT",
    ]


@postgres
def test_drain__takes_no_more_than_its_portion_whatever_the_plan(
    declared: Declared,
) -> None:
    owe_many(20)
    with transaction.atomic():
        run("SET LOCAL enable_hashjoin = off")
        run("SET LOCAL enable_mergejoin = off")

        taken = CacheOutbox.objects.take(3, waits=False)

    assert len(taken) == 3
    assert CacheOutbox.objects.count() == 17


@postgres
def test_drain__not_in_a_transaction(declared: Declared) -> None:
    owe(1)

    with transaction.atomic(), pytest.raises(TransactionManagementError):
        drain_all(declared)

    assert CacheOutbox.objects.count() == 1


@pytest.mark.sqlite
def test_drain__only_postgresql_has_an_outbox(declared: Declared) -> None:
    owe(1)

    drained, forgotten = drain_all(declared)

    assert (drained, forgotten) == (Drained(rows=0, is_complete=True), [])


def test_prune__deletes_what_is_older_than_two_days() -> None:
    for days in (1, 3):
        owed = CacheOutbox.objects.create(source=TABLE)
        rows = CacheOutbox.objects.filter(pk=owed.pk)
        rows.update(created_at=Now() - timedelta(days=days))

    pruned = prune("default")

    assert pruned == 1
    assert CacheOutbox.objects.count() == 1
