"""Which database an alias leads to, and whether a transaction is open there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from pytest_django import DjangoAssertNumQueries

from tests.models.outbox import run
from workflow_engine.caches.database import identity, in_transaction
from workflow_engine.exceptions import CacheUnavailable

pytestmark = pytest.mark.django_db(transaction=True)

TELL = """
import django
django.setup()
from workflow_engine.caches.database import identity
print(identity("default").hash)
"""

# A test may not open connections of other names; a child may.
COMPARE = """
import os, django
django.setup()
from django.db import connection, connections
from workflow_engine.caches.database import is_same
given = connection.settings_dict
pooled = os.path.join(given["HOST"], ".")
connections.settings["pooled"] = {**given, "HOST": pooled}
connections.settings["maintenance"] = {**given, "NAME": "postgres"}
connections.settings["schema"] = {
    **given, "OPTIONS": {"options": "-c search_path=wfe_test_second"}
}
for other in ("pooled", "maintenance", "schema"):
    print(is_same("default", other))
"""

#: Two installs in one database: the tables once more, in a schema of their own.
SECOND = """
    CREATE SCHEMA wfe_test_second;
    CREATE TABLE wfe_test_second.workflow_engine_cacheoutbox
        (LIKE public.workflow_engine_cacheoutbox)
"""


def child(script: str, environment: dict[str, str]) -> str:
    told = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )
    return told.stdout.strip()


@pytest.fixture
def second() -> Iterator[None]:
    run(SECOND)
    yield
    run("DROP SCHEMA wfe_test_second CASCADE")


def other_alias(alias: str, **settings: object) -> None:
    connections.settings[alias] = {**connection.settings_dict, **settings}


@pytest.fixture(autouse=True)
def _no_other_alias() -> Iterator[None]:
    yield
    if connection.vendor == "postgresql":
        identity(DEFAULT_DB_ALIAS, again=True)
    for alias in set(connections.settings) - {DEFAULT_DB_ALIAS}:
        connections[alias].close()
        del connections[alias]
        del connections.settings[alias]


def test_identity__is_twelve_hex_digits_and_no_replica() -> None:
    found = identity("default")

    assert len(found.hash) == 12
    assert int(found.hash, 16) >= 0
    assert found.is_replica is False


def test_identity__is_asked_once(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    first = identity("default", again=True)

    with django_assert_num_queries(0):
        second = identity("default")

    assert first == second


def test_identity__of_another_process(child_environment: dict[str, str]) -> None:
    told = child(TELL, child_environment)

    is_shared = connection.vendor == "postgresql" or "memory" not in str(
        connection.settings_dict["NAME"]
    )
    assert (told == identity("default").hash) is is_shared


@pytest.mark.postgres
def test_is_same__two_names_two_databases_two_schemas(
    child_environment: dict[str, str], second: None
) -> None:
    assert child(COMPARE, child_environment).split() == ["True", "False", "False"]


@pytest.mark.postgres
def test_identity__of_each_schema_with_tables_of_its_own(second: None) -> None:
    first = identity("default", again=True)
    try:
        run("SET search_path = wfe_test_second")
        found = identity("default", again=True)
    finally:
        run("RESET search_path")

    assert found.is_migrated
    assert found.hash != first.hash


@pytest.mark.postgres
def test_identity__whatever_stands_first_in_the_search_path(second: None) -> None:
    first = identity("default", again=True)
    try:
        run("SET search_path = pg_catalog, public, wfe_test_second")
        found = identity("default", again=True)
    finally:
        run("RESET search_path")

    assert found == first


@pytest.mark.postgres
def test_identity__of_a_schema_made_anew(second: None) -> None:
    hashes = []
    try:
        for _ in range(2):
            run("SET search_path = wfe_test_second")
            hashes.append(identity("default", again=True).hash)
            run("RESET search_path")
            run("DROP SCHEMA wfe_test_second CASCADE")
            run(SECOND)
    finally:
        run("RESET search_path")

    assert hashes[0] == hashes[1]


@pytest.mark.postgres
def test_identity__is_not_known_before_the_tables_are_there() -> None:
    after = identity("default")
    run("ALTER TABLE workflow_engine_cacheoutbox RENAME TO wfe_test_later")
    try:
        before = identity("default", again=True)
    finally:
        run("ALTER TABLE wfe_test_later RENAME TO workflow_engine_cacheoutbox")

    found = identity("default")

    assert not before.is_migrated
    assert before.hash != after.hash
    assert found == after


@pytest.mark.postgres
def test_identity__that_cannot_be_read() -> None:
    run("CREATE ROLE wfe_test_nobody NOLOGIN")
    run("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
    try:
        run("SET ROLE wfe_test_nobody")
        with pytest.raises(CacheUnavailable, match="grant its user") as raised:
            identity("default", again=True)
    finally:
        run("RESET ROLE")
        run("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
        run("DROP ROLE wfe_test_nobody")

    assert raised.value.reason == "no_identity"
    assert raised.value.closes


@pytest.mark.postgres
def test_identity__by_a_role_without_rights() -> None:
    before = identity("default")
    run("CREATE ROLE wfe_test_nobody NOLOGIN")
    try:
        run("SET ROLE wfe_test_nobody")
        found = identity("default", again=True)
    finally:
        run("RESET ROLE")
        run("DROP ROLE wfe_test_nobody")

    assert found == before


def test_in_transaction__of_each_kind() -> None:
    connection.ensure_connection()
    outside = in_transaction("default")
    with transaction.atomic():
        inside = in_transaction("default")
    transaction.set_autocommit(False)
    try:
        by_hand = in_transaction("default")
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)

    assert [outside, inside, by_hand] == [False, True, True]


@pytest.mark.parametrize("autocommit", [True, False])
def test_in_transaction__opens_no_connection(autocommit: bool) -> None:
    other_alias("closed", AUTOCOMMIT=autocommit)

    found = in_transaction("closed")

    assert found is not autocommit
    assert connections["closed"].connection is None
