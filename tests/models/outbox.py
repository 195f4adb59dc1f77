"""SQL by hand, as psql or another service would send it, and what the outbox says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

Recorded = list[tuple[str, list[dict[str, Any]] | None]]

INSERT_DETECTORS = (
    "INSERT INTO workflow_engine_detector (slug, name, event_type, source,"
    " kind, config, enabled, created_at, updated_at)"
    " SELECT 's-' || n, 'n', 'order.n' || n, '', 'event', '{}'::jsonb, true,"
    " now(), now() FROM generate_series(%s, %s) AS n "
)


def run(sql: str, *values: Any, on: BaseDatabaseWrapper = connection) -> None:
    """Run one statement."""
    with on.cursor() as cursor:
        cursor.execute(sql, values or None)


def asked(sql: str, *values: Any, on: BaseDatabaseWrapper = connection) -> Any:
    """Return the first value of the first row."""
    with on.cursor() as cursor:
        cursor.execute(sql, values or None)
        row = cursor.fetchone()
    return None if row is None else row[0]


def clear() -> None:
    """Leave nothing owed."""
    run("DELETE FROM workflow_engine_cacheoutbox")


def recorded() -> Recorded:
    """Return what is owed, as (table without its prefix, images), by id."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT source, rows FROM workflow_engine_cacheoutbox ORDER BY id"
        )
        found = cursor.fetchall()
    return [
        (
            source.removeprefix("workflow_engine_"),
            None if rows is None else json.loads(rows),
        )
        for source, rows in found
    ]


def insert_detectors(first: int, last: int, *, suffix: str = "") -> None:
    """Insert detectors of these numbers by one statement; each watches its own type."""
    run(INSERT_DETECTORS + suffix, first, last)


@contextmanager
def session() -> Iterator[BaseDatabaseWrapper]:
    """Yield another connection to the same database."""
    other = connections.create_connection("default")
    try:
        yield other
    finally:
        other.close()
