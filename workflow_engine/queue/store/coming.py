"""Coming: the next item that is due, the next lease that ends, and the pause. Only read."""

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
    pause_table,
    table,
)


@dataclass(frozen=True, kw_only=True)
class Coming:
    """What happens next to items if nobody does anything.

    Attributes:
        due_at: When the first scheduled item is due; None = there is none.
        lease_ends_at: When the first lease of a claimed one ends; None = there is none.
        paused_since: When the pause began; None = there is none.
        resumes_at: When it ends, which may be past; None = when somebody ends it.
    """

    due_at: datetime | None
    lease_ends_at: datetime | None
    paused_since: datetime | None = None
    resumes_at: datetime | None = None

    def is_paused(self, at: datetime) -> bool:
        """Whether a pause lasts at a moment."""
        if self.paused_since is None:
            return False
        return self.resumes_at is None or self.resumes_at > at


#: One row of the table's own columns, so that moments are read as such; no item has id 0.
_COMING: Final = f"""
    SELECT 0 AS id,
        ({first_moment("due_at", SCHEDULED)}) AS due_at,
        ({first_moment("lease_ends_at", CLAIMED)}) AS lease_ends_at,
        (SELECT MAX(since) FROM {{pause}}) AS started_at,
        (SELECT MAX(until) FROM {{pause}}) AS finished_at
"""  # noqa: S608 - no value in it


def coming() -> Coming:
    """Return when to look again; one query, which reads two index entries per shard."""
    sql = _COMING.format(table=table(), pause=pause_table())
    (row,) = WorkItem.objects.using(options.DATABASE).raw(sql)
    return Coming(
        due_at=row.due_at,
        lease_ends_at=row.lease_ends_at,
        paused_since=row.started_at,
        resumes_at=row.finished_at,
    )
