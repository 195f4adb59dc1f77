"""Part: one row behind a snapshot, as JSON, so that one statement reads rows of all tables.

A UNION ALL of parts gives as many rows as there are in the tables: groups, conditions and
actions add up, where joins would multiply them.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeAlias

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, F, Func, QuerySet, TextField, Value
from django.db.models.functions import Cast, JSONObject
from django.db.models.sql.compiler import SQLCompiler

#: One row by column name. A configuration is JSON text, not yet decoded: what cannot be
#: decoded must not cost the other rows.
Columns: TypeAlias = dict[str, Any]

#: The rows of one owner by the name of their part.
Parts: TypeAlias = dict[str, list[Columns]]

CONFIG = Cast("config", TextField())
CONDITION: Columns = {
    "id": "id",
    "group": "group_id",
    "type": "type",
    "config": CONFIG,
    "position": "position",
    "result": "result",
}
GROUP: Columns = {"id": "id", "role": "role", "logic": "logic", "position": "position"}


class _Document(JSONObject):
    """A JSON object, built by the database."""

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any
    ) -> tuple[str, Any]:
        # Django would first ask SQLite whether it can: three statements of a load that is
        # to be one. It can, or there would be no JSONField.
        return Func.as_sql(self, compiler, connection, **context)


def part(
    rows: QuerySet[Any], name: str, *, owner: str, columns: Columns
) -> QuerySet[Any, Any]:
    """Return rows as parts.

    Args:
        rows: Of one table.
        name: Of the part.
        owner: The column with the key of the snapshot that a row belongs to.
        columns: Expressions by the name they are to have.
    """
    parts: QuerySet[Any, Any] = rows.annotate(
        part=Value(name, CharField()),
        owner_key=F(owner),
        columns=_Document(**columns),
    ).values_list("part", "owner_key", "columns")
    return parts


def read(first: QuerySet[Any], *others: QuerySet[Any]) -> dict[int, Parts]:
    """Return all parts by owner, by one statement; their order is the database's."""
    found: dict[int, Parts] = defaultdict(lambda: defaultdict(list))
    for name, owner, columns in first.union(*others, all=True):
        found[owner][name].append(columns)
    return found


def instant(text: str | None, using: str) -> datetime | None:
    """Return the moment in UTC that a database wrote into JSON.

    SQLite writes it without an offset, in the zone of the connection.
    """
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    zone: tzinfo = moment.tzinfo or connections[using].timezone or UTC
    return moment.replace(tzinfo=zone).astimezone(UTC)
