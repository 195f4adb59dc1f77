"""Metric add: figures added to the rows of others by one statement; SQL by hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

LONGEST_NAME: Final = 64  # as the columns have it

_INTO: Final = (
    "INSERT INTO {table} (size, at, counter, scope, reason, count, total, highest)"
)

#: What becomes of a figure that is there already.
_ADD: Final = """
ON CONFLICT (size, at, counter, scope, reason) DO UPDATE SET
    count = {table}.count + excluded.count,
    total = {table}.total + excluded.total,
    highest = CASE WHEN excluded.highest > {table}.highest
        THEN excluded.highest ELSE {table}.highest END
"""

#: PostgreSQL: every figure in every place, in the order of the key: two processes that
#: write the same rows lock them in the same order. Arrays, since a thousand parameters
#: take longer to bind than a hundred rows take to write.
_ADD_ARRAYS: Final = f"""
{_INTO}
SELECT place.size, place.at, figure.*
FROM unnest(%s::text[], %s::timestamptz[]) AS place (size, at)
CROSS JOIN unnest(
    %s::text[], %s::text[], %s::text[], %s::bigint[], %s::float8[], %s::float8[]
) AS figure (counter, scope, reason, count, total, highest)
ORDER BY 1, 2, 3, 4, 5
{_ADD}"""  # noqa: S608 - made of what stands here; values are bound

#: Others: one figure in one place, again and again.
_ADD_ROW: Final = f"{_INTO} VALUES (%s, %s, %s, %s, %s, %s, %s, %s) {_ADD}"


class Counted(Protocol):
    """A figure as it is counted in a process."""

    @property
    def scope(self) -> str: ...
    @property
    def counter(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def total(self) -> float: ...
    @property
    def highest(self) -> float: ...


@dataclass(frozen=True, kw_only=True)
class Adding:
    """Figures to be added to rows that may be there.

    Attributes:
        table: Of the rows.
        connection: Of its database.
        places: Sizes, each with its moment.
        figures: Counters, scopes, reasons, counts, totals and highests; no name twice.
    """

    table: str
    connection: BaseDatabaseWrapper
    places: Sequence[tuple[str, datetime]]
    figures: Sequence[Sequence[Any]]

    def run(self) -> None:
        """Write them: by one statement on PostgreSQL, in one transaction elsewhere."""
        if self.connection.vendor == "postgresql":
            with self.connection.cursor() as cursor:
                cursor.execute(*self.statement())
            return
        with (
            transaction.atomic(using=self.connection.alias, savepoint=False),
            self.connection.cursor() as cursor,
        ):
            cursor.executemany(self._sql(_ADD_ROW), self._rows())

    def statement(self) -> tuple[str, list[Any]]:
        """Return all of it as one statement for PostgreSQL, and its parameters."""
        sizes, moments = zip(*self.places, strict=True)
        return self._sql(_ADD_ARRAYS), [list(sizes), list(moments), *self.figures]

    def _rows(self) -> list[tuple[Any, ...]]:
        adapted = self.connection.ops.adapt_datetimefield_value
        return [
            (size, adapted(at), *figure)
            for size, at in self.places
            for figure in zip(*self.figures, strict=True)
        ]

    def _sql(self, sql: str) -> str:
        return sql.format(table=self.connection.ops.quote_name(self.table))


def columns_of(figures: Iterable[Counted]) -> Sequence[Sequence[Any]]:
    """Return figures column by column; those whose names are the same once cut are added up."""
    found: dict[tuple[str, str, str], tuple[int, float, float]] = {}
    for one in figures:
        name = (
            one.counter[:LONGEST_NAME],
            one.scope[:LONGEST_NAME],
            one.reason[:LONGEST_NAME],
        )
        count, total, highest = found.get(name, (0, 0.0, 0.0))
        found[name] = (
            count + one.count,
            total + one.total,
            max(highest, one.highest),
        )
    rows = [(*name, *values) for name, values in found.items()]
    return [list(column) for column in zip(*rows, strict=True)] or [[]] * 6
