"""Database triggers made, removed, looked at; and migrations on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection, models

from tests.factories import DetectorFactory, EnvironmentFactory
from tests.models.outbox import asked, clear, recorded, run, session
from workflow_engine.models import (
    CacheGeneration,
    CacheOutbox,
    Detector,
    Environment,
)
from workflow_engine.models.cache_triggers import (
    WATCHED,
    install,
    missing,
    uninstall,
)

pytestmark = pytest.mark.django_db(transaction=True)

ENVIRONMENT = Environment._meta.db_table
TABLES = {model._meta.db_table for model in WATCHED}


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    yield
    install("default")


def is_noticed() -> bool:
    EnvironmentFactory()
    before = CacheGeneration.objects.current()
    run("UPDATE workflow_engine_environment SET name = name || 'x'")
    return CacheGeneration.objects.current() != before


def test_missing__nothing_after_migrations() -> None:
    assert missing("default") == []


def test_install__again() -> None:
    install("default")
    install("default")

    assert missing("default") == []
    assert is_noticed()


def test_uninstall__and_install() -> None:
    uninstall("default")
    uninstall("default")
    gone = set(missing("default"))
    unnoticed = is_noticed()
    install("default")

    assert gone >= TABLES
    assert not unnoticed
    assert missing("default") == []
    assert is_noticed()


EMPTY_FUNCTION = (
    "CREATE OR REPLACE FUNCTION wfe_cache_environment() RETURNS trigger"
    " LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
    " AS 'BEGIN RETURN NULL; END'"
)


@pytest.mark.postgres
@pytest.mark.parametrize(
    "change",
    [
        f"DROP TRIGGER wfe_cache_update ON {ENVIRONMENT}",
        f"ALTER TABLE {ENVIRONMENT} DISABLE TRIGGER wfe_cache_update",
        f"ALTER TABLE {ENVIRONMENT} DISABLE TRIGGER ALL",
        f"ALTER TABLE {ENVIRONMENT} ENABLE REPLICA TRIGGER wfe_cache_truncate",
        EMPTY_FUNCTION,
        "ALTER FUNCTION wfe_cache_environment() SECURITY INVOKER",
        "ALTER FUNCTION wfe_cache_environment() RESET search_path",
        "GRANT EXECUTE ON FUNCTION wfe_cache_environment() TO PUBLIC",
    ],
    ids=["dropped", "off", "all off", "replica", "body", "rights", "path", "anybody"],
)
def test_missing__names_the_table(change: str) -> None:
    run(change)

    found = missing("default")
    install("default")

    assert found == [ENVIRONMENT]
    assert missing("default") == []


@pytest.mark.postgres
@pytest.mark.parametrize(
    "change",
    [
        "DROP TRIGGER wfe_cache_bump ON workflow_engine_cacheoutbox",
        "ALTER TABLE workflow_engine_cacheoutbox DISABLE TRIGGER wfe_cache_bump",
    ],
    ids=["dropped", "off"],
)
def test_missing__names_the_outbox(change: str) -> None:
    run(change)

    assert missing("default") == [CacheOutbox._meta.db_table]


@pytest.mark.postgres
def test_missing__on_for_replicated_rows_too_is_fine() -> None:
    run(f"ALTER TABLE {ENVIRONMENT} ENABLE ALWAYS TRIGGER wfe_cache_update")

    assert missing("default") == []


def test_install__before_a_later_migration_makes_a_table() -> None:
    run("ALTER TABLE workflow_engine_environment RENAME TO wfe_test_later")
    try:
        install("default")

        found = missing("default")
    finally:
        run("ALTER TABLE wfe_test_later RENAME TO workflow_engine_environment")

    install("default")
    assert found == [ENVIRONMENT]
    assert missing("default") == []


@pytest.mark.postgres
def test_install__before_a_later_migration_makes_a_column() -> None:
    detector = DetectorFactory()
    clear()
    run("ALTER TABLE workflow_engine_detector RENAME COLUMN source TO wfe_test_later")
    try:
        install("default")

        found = missing("default")
        run("UPDATE workflow_engine_detector SET name = 'by a data migration'")
    finally:
        run("ALTER TABLE workflow_engine_detector RENAME wfe_test_later TO source")

    install("default")
    (_, images) = recorded()[0]
    assert images == [
        {"id": detector.pk, "event_type": detector.event_type, "enabled": True}
    ]
    assert found == [Detector._meta.db_table]
    assert missing("default") == []


@pytest.mark.postgres
def test_install__in_the_schema_of_the_tables() -> None:
    run("CREATE SCHEMA wfe_test_first")
    try:
        with session() as other:
            run("SET search_path = wfe_test_first, public", on=other)
        run("SET search_path = wfe_test_first, public")
        install("default")

        found = missing("default")
        schema = asked(
            "SELECT DISTINCT nspname FROM pg_proc"
            " JOIN pg_namespace AS n ON n.oid = pronamespace"
            " WHERE proname LIKE 'wfe\\_cache\\_%'"
        )
    finally:
        run("RESET search_path")
        run("DROP SCHEMA wfe_test_first CASCADE")

    assert (found, schema) == ([], "public")


@pytest.mark.postgres
def test_install__by_an_owner_who_is_no_superuser() -> None:
    uninstall("default")
    tables = [*TABLES, CacheOutbox._meta.db_table, CacheGeneration._meta.db_table]
    run("CREATE ROLE wfe_test_owner NOLOGIN")
    run("GRANT USAGE, CREATE ON SCHEMA public TO wfe_test_owner")
    for table in tables:
        run(f"ALTER TABLE {table} OWNER TO wfe_test_owner")
    try:
        run("SET ROLE wfe_test_owner")
        install("default")
        noticed = is_noticed()
        found = missing("default")
        uninstall("default")
    finally:
        run("RESET ROLE")
        run("REASSIGN OWNED BY wfe_test_owner TO CURRENT_USER")
        run("DROP OWNED BY wfe_test_owner")
        run("DROP ROLE wfe_test_owner")

    assert noticed
    assert found == []


@pytest.mark.sqlite
def test_missing__a_table_made_anew() -> None:
    EnvironmentFactory(name="kept")
    field = models.IntegerField(default=0)
    field.set_attributes_from_name("added")

    with connection.schema_editor() as editor:
        editor.add_field(Environment, field)
    run("ALTER TABLE workflow_engine_environment DROP COLUMN added")

    found = missing("default")
    install("default")
    assert found == [ENVIRONMENT]
    assert Environment.objects.get().name == "kept"
    assert is_noticed()


def test_migrate__backwards_and_forwards() -> None:
    EnvironmentFactory(name="kept")

    call_command("migrate", "workflow_engine", "0001", verbosity=0)
    try:
        tables = connection.introspection.table_names()
        run("UPDATE workflow_engine_environment SET name = 'still-writable'")
    finally:
        call_command("migrate", "workflow_engine", verbosity=0)

    assert CacheOutbox._meta.db_table not in tables
    assert missing("default") == []
    assert Environment.objects.get().name == "still-writable"
    assert is_noticed()
