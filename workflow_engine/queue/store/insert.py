"""Insert: rows whose key may be taken, by INSERT … ON CONFLICT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from workflow_engine.conf import options
from workflow_engine.models import WorkItem
from workflow_engine.models.upsert import parameter_limit
from workflow_engine.queue.store.statement import item_connection, table

KEYS: Final = '"key", dedupe_key, rev'


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who has a key: the item, and whether it was written just now."""

    id: int
    created: bool


def insert(rows: Sequence[WorkItem], on_conflict: str) -> list[WorkItem]:
    """Insert rows and return those inserted or updated, with keys and revision.

    `on_conflict` is what follows ON CONFLICT; no key may stand in two rows. In the order
    of their keys, so that two calls never wait for each other in a circle.
    """
    connection = item_connection()
    fields = [f for f in WorkItem._meta.concrete_fields if not f.primary_key]
    size = parameter_limit(connection) // len(fields)
    ordered = sorted(rows, key=lambda row: row.key or row.dedupe_key or "")
    written: list[WorkItem] = []
    for start in range(0, len(ordered), size):
        chunk = ordered[start : start + size]
        parameters: list[Any] = [
            field.get_db_prep_save(getattr(row, field.attname), connection)
            for row in chunk
            for field in fields
        ]
        one = f"({', '.join(['%s'] * len(fields))})"
        columns = ", ".join(connection.ops.quote_name(str(f.column)) for f in fields)
        sql = (  # names come from the model, values are bound
            f"INSERT INTO {table()} ({columns}) VALUES {', '.join([one] * len(chunk))}"  # noqa: S608
            f" ON CONFLICT {on_conflict} RETURNING id, {KEYS}"
        )
        written += WorkItem.objects.using(options.DATABASE).raw(sql, parameters)
    return written
