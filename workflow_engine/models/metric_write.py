"""Metric write: all that one process has to tell of some seconds, in one go; SQL by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from workflow_engine.models.cache_forget import CacheForget
from workflow_engine.models.metric import MetricBucket, moments
from workflow_engine.models.metric_add import Counted
from workflow_engine.models.metric_source import MetricSource

#: A source says anew what may have changed since its last flush.
_SOURCE: Final = """
INSERT INTO {source}
    (name, release, started_at, flushed_at, expected_at, cache_use, ended_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET
    release = excluded.release,
    flushed_at = excluded.flushed_at,
    expected_at = excluded.expected_at,
    cache_use = excluded.cache_use,
    ended_at = excluded.ended_at
"""

#: PostgreSQL: records of forgets, as arrays.
_FORGETS: Final = """
INSERT INTO {forget} (at, access, cause, count, keys, is_cut, rows, author)
SELECT * FROM unnest(
    %s::timestamptz[], %s::text[], %s::text[], %s::bigint[],
    %s::text[], %s::boolean[], %s::text[], %s::text[]
)
"""

_SOURCE_COLUMNS: Final = (
    *("name", "release", "started_at", "flushed_at"),
    *("expected_at", "cache_use", "ended_at"),
)
_FORGET_COLUMNS: Final = (
    *("at", "access", "cause", "count", "keys", "is_cut", "rows", "author"),
)


def write(
    figures: Iterable[Counted],
    source: MetricSource,
    forgets: Sequence[CacheForget],
    *,
    using: str,
    now: datetime,
) -> None:
    """Write all of it or nothing.

    On PostgreSQL by one statement, so that a process that stands still holds no lock of
    another one, and the disk is waited for once.
    """
    connection = connections[using]
    buckets = MetricBucket.objects.using(using)
    if connection.vendor == "postgresql":
        sql, parameters = buckets.adding(figures, moments(now)).statement()
        told = _values([source], _SOURCE_COLUMNS)
        parts = [f"source AS ({_sql(_SOURCE, connection)})"]
        before = [column[0] for column in told]
        if forgets:
            parts.append(f"forgets AS ({_sql(_FORGETS, connection)})")
            before += _values(forgets, _FORGET_COLUMNS)
        with connection.cursor() as cursor:
            cursor.execute(f"WITH {', '.join(parts)} {sql}", [*before, *parameters])
        return
    with transaction.atomic(using=using, savepoint=False):
        buckets.add(figures, now)
        with connection.cursor() as cursor:
            cursor.execute(_sql(_SOURCE, connection), _adapted(source, connection))
        CacheForget.objects.using(using).bulk_create(forgets)


def _values(rows: Sequence[models.Model], columns: Sequence[str]) -> list[list[Any]]:
    """Return columns of rows, as the driver of PostgreSQL takes them."""
    return [[getattr(row, name) for row in rows] for name in columns]


def _adapted(source: MetricSource, connection: BaseDatabaseWrapper) -> list[Any]:
    """Return the columns of a source as another database takes them."""
    fields = {field.attname: field for field in source._meta.concrete_fields}
    return [
        fields[name].get_db_prep_save(getattr(source, name), connection=connection)
        for name in _SOURCE_COLUMNS
    ]


def _sql(sql: str, connection: BaseDatabaseWrapper) -> str:
    quoted = connection.ops.quote_name
    return sql.format(
        source=quoted(MetricSource._meta.db_table),
        forget=quoted(CacheForget._meta.db_table),
    )
