"""The generation, and its bumps by database triggers; what the outbox owes."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now
from pytest_django import DjangoAssertNumQueries

from tests.factories import EnvironmentFactory, WorkflowFactory
from tests.models.outbox import asked, clear, run, session
from tests.queue.threads import LIMIT_SECONDS, elsewhere
from workflow_engine.models import CacheGeneration, CacheOutbox

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)

RENAME = "UPDATE workflow_engine_environment SET name = name || 'x'"
WRITE_IN_A_CHILD = f"""
import django
django.setup()
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("{RENAME}")
"""


def current() -> int | None:
    return CacheGeneration.objects.current()


@pytest.fixture(autouse=True)
def _begun() -> None:
    EnvironmentFactory(name="e")  # it grows
    clear()


def test_current__is_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(1):
        found = current()

    assert found == CacheGeneration.objects.get().generation


@pytest.mark.postgres
def test_begin__refused_in_a_transaction() -> None:
    CacheGeneration.objects.all().delete()

    with transaction.atomic():
        run("SET TRANSACTION READ ONLY")
        with pytest.raises(DatabaseError, match="read-only"):
            CacheGeneration.objects.begin()
        after = current()

    assert after is None


def test_begin__writes_only_what_is_missing() -> None:
    CacheGeneration.objects.all().delete()
    absent = current()

    CacheGeneration.objects.begin()
    begun = current()
    CacheGeneration.objects.begin()

    assert absent is None
    assert begun is not None
    assert current() == begun


@pytest.mark.parametrize("is_there", [True, False])
def test_renew__writes_another(is_there: bool) -> None:
    before = current()
    if not is_there:
        CacheGeneration.objects.all().delete()

    CacheGeneration.objects.renew()

    assert current() not in {None, before}


INSERT = (
    "INSERT INTO workflow_engine_environment"
    " (name, description, created_at, updated_at)"
    " VALUES ('new', '', '2026-05-02', '2026-05-02')"
)


@pytest.mark.parametrize(
    "sql",
    [RENAME, "DELETE FROM workflow_engine_environment", INSERT],
    ids=["update", "delete", "insert"],
)
def test_bump__after_each_kind_of_write(sql: str) -> None:
    before = current()

    run(sql)

    assert current() not in {None, before}


def test_bump__makes_a_missing_row() -> None:
    CacheGeneration.objects.all().delete()

    run(RENAME)

    assert current() is not None


def test_bump__is_undone_by_a_rollback() -> None:
    before = current()

    with transaction.atomic():
        run(RENAME)
        transaction.set_rollback(True)

    assert current() == before


def test_bump__numbers_do_not_come_back() -> None:
    seen = set()

    for _ in range(50):
        run(RENAME)
        seen.add(current())

    assert len(seen) == 50


def test_bump__by_another_process(child_environment: dict[str, str]) -> None:
    before = current()

    subprocess.run(
        [sys.executable, "-c", WRITE_IN_A_CHILD],
        env=child_environment,
        check=True,
        timeout=60,
    )

    assert current() not in {None, before}


@pytest.mark.postgres
def test_bump__at_the_commit_and_once() -> None:
    with transaction.atomic():
        before = current()
        run(RENAME)
        run(RENAME)
        within = current()
        run("SET CONSTRAINTS ALL IMMEDIATE")
        first = current()
        run(RENAME)
        second = current()

    assert within == before
    assert first == second == current() != before
    assert CacheOutbox.objects.count() == 3


@pytest.mark.postgres
def test_bump__transactions_wait_for_each_other_at_their_commit_only() -> None:
    WorkflowFactory()
    clear()
    before = current()
    seen = [before]

    with transaction.atomic():
        run(RENAME)
        with session() as other:
            run("SET lock_timeout = '5s'", on=other)
            run("UPDATE workflow_engine_workflow SET name = 'x'", on=other)
        seen.append(current())
    seen.append(current())

    assert len(set(seen)) == 3


@pytest.mark.postgres
def test_bump__two_that_make_the_row() -> None:
    WorkflowFactory()
    CacheGeneration.objects.all().delete()
    together = threading.Barrier(2, timeout=LIMIT_SECONDS)

    def write(sql: str) -> None:
        connection.ensure_connection()
        with transaction.atomic():
            run(sql)
            together.wait()

    writers = [
        elsewhere(lambda: write(RENAME)),
        elsewhere(lambda: write("UPDATE workflow_engine_workflow SET name = 'x'")),
    ]
    for writer in writers:
        writer.result(LIMIT_SECONDS)

    assert CacheGeneration.objects.count() == 1
    assert current() is not None


@pytest.mark.postgres
def test_bump__says_which_transaction() -> None:
    with transaction.atomic():
        run(RENAME)
        number = asked("SELECT pg_current_xact_id()::text")

    assert CacheGeneration.objects.get().bumped_by == int(number)


@pytest.mark.postgres
def test_bump__of_a_transaction_whose_number_a_dump_brought_along() -> None:
    with transaction.atomic():
        number = int(asked("SELECT pg_current_xact_id()::text"))
    # The UPDATE itself takes the next number, and the renaming the one after it.
    run("UPDATE workflow_engine_cachegeneration SET bumped_by = %s", number + 2)
    before = current()

    with transaction.atomic():
        run(RENAME)
        same = int(asked("SELECT pg_current_xact_id()::text"))

    assert same == number + 2, "somebody else used up a number"
    assert current() != before


@pytest.mark.postgres
@pytest.mark.parametrize("is_kept", [True, False], ids=["released", "rolled back"])
def test_bump__under_a_savepoint(is_kept: bool) -> None:
    before = current()

    with transaction.atomic():
        run(RENAME)
        with transaction.atomic():
            run("SET CONSTRAINTS ALL IMMEDIATE")
            within = current()
            run("SET CONSTRAINTS ALL DEFERRED")
            transaction.set_rollback(not is_kept)
        run(RENAME)

    assert within != before
    assert current() not in ({before} if is_kept else {before, within})


@pytest.mark.postgres
def test_bump__by_the_transaction_after_one_that_bumped_under_a_savepoint() -> None:
    with transaction.atomic(), transaction.atomic():
        run(RENAME)
        run("SET CONSTRAINTS ALL IMMEDIATE")
    before = current()

    run(RENAME)

    assert current() != before


def test_bump__whatever_an_insert_says_of_conflicts() -> None:
    on_sqlite = connection.vendor == "sqlite"
    before = current()

    run(INSERT.replace("INSERT", "INSERT OR IGNORE") if on_sqlite else INSERT)

    assert current() not in {None, before}


def test_outbox__oldest_age() -> None:
    now = datetime(2026, 5, 2, 12, 0, tzinfo=UTC)
    nothing = CacheOutbox.objects.oldest_age(now)
    for hours in (1, 3):
        CacheOutbox.objects.create(source="t", created_at=now - hours * HOUR)

    age = CacheOutbox.objects.oldest_age(now)

    assert nothing is None
    assert age == 3 * HOUR


def test_outbox__older_than_by_the_clock_of_the_database() -> None:
    young, old = (CacheOutbox.objects.create(source="t") for _ in range(2))
    for owed, age in ((young, HOUR), (old, 3 * HOUR)):
        rows = CacheOutbox.objects.filter(pk=owed.pk)
        rows.update(created_at=Now() - age)

    found = CacheOutbox.objects.older_than(2 * HOUR)

    assert list(found) == [old]


@pytest.mark.postgres
def test_outbox__has_the_moment_of_the_database() -> None:
    run(RENAME)

    assert asked(
        "SELECT abs(extract(epoch FROM now() - created_at)) < 60"
        " FROM workflow_engine_cacheoutbox"
    )
