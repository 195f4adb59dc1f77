"""Upsert: many rows into one table by INSERT … ON CONFLICT, the winners returned.

The statement is the same on PostgreSQL and SQLite. Rows are written in the order of their
key, so that two workers that write the same rows lock them in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

PARAMETERS: Final = 30_000  # in one statement; PostgreSQL takes 65 535, SQLite 32 766


@dataclass(frozen=True, kw_only=True)
class Upsert:
    """One statement, as far as it does not depend on the database.

    Attributes:
        model: The table.
        columns: What is written, as attributes of the model ("firing_id").
        key: The columns of the unique constraint that is met.
        update: What follows DO UPDATE SET. `{old[name]}` is a column of the row in the
            table, `{new[name]}` one of the row refused, `{set[name]}` one to be assigned;
            each %s takes one of the parameters.
        returning: What is returned of each row inserted or updated.
    """

    model: type[models.Model]
    columns: tuple[str, ...]
    key: tuple[str, ...]
    update: str
    returning: tuple[str, ...]

    def run(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        using: str,
        parameters: Mapping[str, Sequence[Any]] | None = None,
    ) -> list[tuple[Any, ...]]:
        """Write the rows and return those inserted or updated, in no order.

        No key may stand in two rows. `parameters` are the values of the %s in `update`,
        by the column whose type they have. One statement, unless there are more rows
        than one statement has parameters for; the statements are one transaction.
        """
        connection = connections[using]
        extra = [
            self._adapted(name, value, connection)
            for name, values in (parameters or {}).items()
            for value in values
        ]
        ordered = sorted(rows, key=lambda row: tuple(row[name] for name in self.key))
        written: list[tuple[Any, ...]] = []
        with transaction.atomic(using=using, savepoint=False):
            for chunk in self._chunks(ordered, len(extra), connection):
                values = [
                    self._adapted(name, row[name], connection)
                    for row in chunk
                    for name in self.columns
                ]
                with connection.cursor() as cursor:
                    cursor.execute(self._sql(len(chunk), connection), [*values, *extra])
                    written += cursor.fetchall()
        return [self._converted(row, connection) for row in written]

    def _sql(self, rows: int, connection: BaseDatabaseWrapper) -> str:
        quote = connection.ops.quote_name
        table = quote(self.model._meta.db_table)
        column = {
            field.attname: quote(field.column)
            for field in self.model._meta.concrete_fields
            if field.column is not None
        }
        update = self.update.format(
            set=column,
            old={name: f"{table}.{quoted}" for name, quoted in column.items()},
            new={name: f"EXCLUDED.{quoted}" for name, quoted in column.items()},
        )
        one = f"({', '.join(['%s'] * len(self.columns))})"
        return (  # names come from the models, values are bound
            f"INSERT INTO {table} ({', '.join(column[n] for n in self.columns)})"  # noqa: S608
            f" VALUES {', '.join([one] * rows)}"
            f" ON CONFLICT ({', '.join(column[n] for n in self.key)})"
            f" DO UPDATE SET {update}"
            f" RETURNING {', '.join(column[n] for n in self.returning)}"
        )

    def _chunks(
        self,
        rows: Sequence[Mapping[str, Any]],
        extra: int,
        connection: BaseDatabaseWrapper,
    ) -> Iterator[Sequence[Mapping[str, Any]]]:
        limit = parameter_limit(connection)
        size = max(1, (limit - extra) // len(self.columns))
        for start in range(0, len(rows), size):
            yield rows[start : start + size]

    def _adapted(self, name: str, value: Any, connection: BaseDatabaseWrapper) -> Any:
        field = self._field(name)
        return field.get_db_prep_save(value, connection=connection)

    def _converted(
        self, row: tuple[Any, ...], connection: BaseDatabaseWrapper
    ) -> tuple[Any, ...]:
        return tuple(
            self._from_database(name, value, connection)
            for name, value in zip(self.returning, row, strict=True)
        )

    def _from_database(
        self, name: str, value: Any, connection: BaseDatabaseWrapper
    ) -> Any:
        column = self._field(name).get_col(self.model._meta.db_table)
        for convert in (
            *connection.ops.get_db_converters(column),
            *column.get_db_converters(connection),
        ):
            value = convert(value, column, connection)
        return value

    def _field(self, name: str) -> models.Field[Any, Any]:
        for field in self.model._meta.concrete_fields:
            if field.attname == name:
                return field
        raise LookupError(f"{self.model.__name__} has no column {name!r}")


def parameter_limit(connection: BaseDatabaseWrapper) -> int:
    """Return how many parameters one statement may have on this database."""
    return min(connection.features.max_query_params or PARAMETERS, PARAMETERS)
