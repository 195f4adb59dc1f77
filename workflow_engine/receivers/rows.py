"""Rows: the key columns of watched rows, from the database and from an instance."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import models

from workflow_engine.caches.coherence.hook import Hook
from workflow_engine.caches.mapping import Row
from workflow_engine.models.rules import READ_ROWS
from workflow_engine.receivers.watch import Field, Model, Watched

_UNKNOWN: Final = object()


def select(
    watched: Watched,
    hook: Hook,
    keys: Sequence[Any] | None = None,
    *,
    through: Model | None = None,
    by: models.Q | None = None,
) -> list[Row]:
    """Return the rows of some primary keys, or those that fulfil a condition.

    Primary keys are those of `through`, which is the watched model or a child of it.
    Inside `hook.guard`.
    """
    hook.before_query()
    table = through or watched.table
    rows: models.QuerySet[Any] = models.QuerySet(table, using=hook.using)
    if by is not None:
        return list(_read(watched, rows.filter(by)))
    keys = keys or ()
    found: list[Row] = []
    for start in range(0, len(keys), READ_ROWS):
        chunk = keys[start : start + READ_ROWS]
        found += _read(watched, rows.filter(pk__in=chunk))
    return found


def _read(watched: Watched, rows: models.QuerySet[Any]) -> Iterator[Row]:
    names = [field.attname for field in watched.fields.values()]
    for values in rows.order_by().values_list(*names):
        yield dict(zip(watched.fields, values, strict=True))


def key_of(watched: Watched, instance: models.Model) -> Any:
    """Return the primary key that an instance has in the watched table, or None."""
    primary_key: Field | None = watched.table._meta.pk
    name = "" if primary_key is None else primary_key.attname
    return vars(instance).get(name)


def in_memory(
    watched: Watched,
    instance: models.Model,
    *,
    old: Row | None = None,
    written: Collection[str] | None = None,
) -> Row | None:
    """Return the row of an instance without a query, or None: memory does not say it.

    Args:
        watched: Says which columns.
        instance: Of the watched model or a child; relations are not followed.
        old: The row in the database before it was written.
        written: Names of the fields that were written; None for all.
    """
    row: dict[str, Any] = {}
    for column, field in watched.fields.items():
        is_written = (
            written is None or field.name in written or field.attname in written
        )
        if not is_written and old is not None:
            row[column] = old[column]
            continue
        value = _value(field, instance)
        if value is _UNKNOWN:
            return None
        row[column] = value
    return row


def _value(field: Field, instance: models.Model) -> Any:
    value = vars(instance).get(field.attname, _UNKNOWN)
    if getattr(field, "generated", False) or hasattr(value, "resolve_expression"):
        return _UNKNOWN
    try:
        return value if value is _UNKNOWN else field.to_python(value)
    except (ValidationError, TypeError, ValueError):
        return _UNKNOWN
