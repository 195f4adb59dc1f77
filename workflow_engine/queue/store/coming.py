"""Coming: when the next item is due, and when the next lease ends. Read, never written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from workflow_engine.conf import options
from workflow_engine.models import WorkItem
from workflow_engine.queue.store.statement import (
    CLAIMED,
    SCHEDULED,
    first_moment,
    table,
)


@dataclass(frozen=True, kw_only=True)
class Coming:
    """What happens next to items if nobody does anything.

    Attributes:
        due_at: When the first scheduled item is due; None = there is none.
        lease_ends_at: When the first lease of a claimed one ends; None = there is none.
    """

    due_at: datetime | None
    lease_ends_at: datetime | None


#: One row of the table's own columns; no item has id 0.
_COMING: Final = f"""
    SELECT 0 AS id,
        ({first_moment("due_at", SCHEDULED)}) AS due_at,
        ({first_moment("lease_ends_at", CLAIMED)}) AS lease_ends_at
"""


def coming() -> Coming:
    """Return when to look again; one query, which reads two index entries per shard."""
    sql = _COMING.format(table=table())
    (row,) = WorkItem.objects.using(options.DATABASE).raw(sql)
    return Coming(due_at=row.due_at, lease_ends_at=row.lease_ends_at)
