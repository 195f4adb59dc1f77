"""SQLite: every changed row changes the number at once; there is one writer anyway.

A trigger names no column of its table, so that Django can make tables anew; but that drops
the triggers of the table without a word, and so they are put back after `migrate`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

from workflow_engine.models.cache_rows import ONLY, CacheGeneration
from workflow_engine.models.cache_triggers.watched import WATCHED

#: Change the number. No upsert: what an outer INSERT says about conflicts holds here too.
TRIGGER: Final = (
    "CREATE TRIGGER {name} AFTER {operation} ON {table} BEGIN"
    " UPDATE {generation} SET generation = random(), bumped_by = NULL WHERE id = {only};"
    " INSERT INTO {generation} (id, generation) SELECT {only}, random()"
    " WHERE NOT EXISTS (SELECT 1 FROM {generation} WHERE id = {only});"
    " END"
)

#: Read the text of our triggers.
INSTALLED: Final = (
    "SELECT tbl_name, name, sql FROM sqlite_master"
    " WHERE type = 'trigger' AND name LIKE 'wfe_cache_%'"
)

_OPERATIONS: Final = ("INSERT", "UPDATE", "DELETE")


def install(connection: BaseDatabaseWrapper) -> None:
    """Make every trigger, in place of any that is there; in a transaction.

    A table that a later migration makes is left out.
    """
    uninstall(connection)
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        for table in there.intersection(_tables()):
            for statement in _triggers(connection, table).values():
                cursor.execute(statement)


def uninstall(connection: BaseDatabaseWrapper) -> None:
    """Remove every trigger of ours; in a transaction."""
    with connection.cursor() as cursor:
        for table in _tables():
            for name in _triggers(connection, table):
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the tables whose triggers are missing or not as they should be; one query."""
    installed: dict[str, dict[str, str]] = {table: {} for table in _tables()}
    with connection.cursor() as cursor:
        cursor.execute(INSTALLED)
        for table, name, statement in cursor.fetchall():
            installed.setdefault(table, {})[name] = statement
    return [
        table for table in _tables() if installed[table] != _triggers(connection, table)
    ]


def _tables() -> Iterator[str]:
    for model in WATCHED:
        yield model._meta.db_table


def _triggers(connection: BaseDatabaseWrapper, table: str) -> dict[str, str]:
    """Return the statement that makes each trigger of a table, by its name."""
    quote = connection.ops.quote_name
    short = table.removeprefix("workflow_engine_")
    names = {f"wfe_cache_{short}_{one.lower()}": one for one in _OPERATIONS}
    return {
        name: TRIGGER.format(
            name=name,
            operation=operation,
            table=quote(table),
            generation=quote(CacheGeneration._meta.db_table),
            only=ONLY,
        )
        for name, operation in names.items()
    }
