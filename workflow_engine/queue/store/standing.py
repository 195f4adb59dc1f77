"""Standing: how many items stand where, counted no further than people read. Only read.

One statement over the indexes by shard and of the dead, so that its cost is bounded however
many items there are: of each shard at most the first `MOST` of a place are looked at.
"""

# ruff: noqa: S608 - SQL is put together from names of ours; values are bound.

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connections

from workflow_engine.models import WorkItem
from workflow_engine.queue.store.statement import CLAIMED, SCHEDULED, shards_of

#: Above it "how many" says no more than "very many".
MOST: Final = 10_000

#: How many leases that have not ended are looked at: if they are more, one of the two states
#: has more than MOST.
MOST_HELD: Final = 2 * MOST

#: Rows of all shards, of each the first ones. SQLite has no LATERAL, and looks at an index
#: in the order the tables are named in a CROSS JOIN.
_SOME: Final = {
    "postgresql": """
        SELECT one.state, one.sends FROM {name} CROSS JOIN LATERAL (
            SELECT state, sends FROM {{table}} WHERE {guard} AND shard = {name}.number
            AND {wanted} ORDER BY {column} LIMIT {limit}
        ) AS one LIMIT {limit}
    """,
    "sqlite": """
        SELECT state, sends FROM {name} CROSS JOIN {{table}} WHERE {guard}
        AND shard = {name}.number AND {wanted} LIMIT {limit}
    """,
}

#: The first moment in all shards, or null.
_FIRST: Final = """
    SELECT MIN((
        SELECT MIN({column}) FROM {{table}} WHERE {guard} AND shard = {name}.number
        AND {wanted}
    )) FROM {name}
"""

_COMING: Final = "due_at > %(now)s"
_DUE: Final = "due_at >= %(noticed)s AND due_at <= %(now)s"
_WAITING: Final = "due_at < %(noticed)s"
_LAPSED: Final = "lease_ends_at < %(noticed)s"
_HELD: Final = "lease_ends_at >= %(noticed)s"


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many there are.

    Attributes:
        number: As many as were counted.
        is_at_least: Whether counting ended there, so that there may be more.
    """

    number: int
    is_at_least: bool = False


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How many items stand where; each live one is counted once.

    Attributes:
        coming: Due later.
        next_at: When the first of those is due; None without any.
        due: Due, and since no earlier than somebody notices.
        overdue: Due earlier, or given up earlier by who had claimed them.
        overdue_since: Since when the first of those is; None without any.
        sent: Handed over, and not begun.
        resent: Of those, how many were handed over more than twice.
        running: Being carried out.
        dead: Given up for good.
    """

    coming: Count
    next_at: datetime | None
    due: Count
    overdue: Count
    overdue_since: datetime | None
    sent: Count
    resent: Count
    running: Count
    dead: Count


def standing(using: str, now: datetime, noticed: datetime) -> Standing:
    """Return how many stand where at a moment; one query.

    Args:
        using: Alias of the database.
        now: The moment.
        noticed: What was due or given up before it is overdue.
    """
    moment = connections[using].ops.adapt_datetimefield_value
    given = {"now": moment(now), "noticed": moment(noticed)}
    (row,) = WorkItem.objects.using(using).raw(statement(using), given)
    found: Any = row
    since = [at for at in (found.started_at, found.lease_ends_at) if at]
    is_cut = found.held > MOST_HELD
    return Standing(
        coming=_count(found.coming),
        next_at=found.due_at,
        due=_count(found.due),
        overdue=_count(found.waiting + found.lapsed),
        overdue_since=min(since, default=None),
        sent=_count(found.sent, is_cut=is_cut),
        resent=_count(found.resent, is_cut=is_cut),
        running=_count(found.running, is_cut=is_cut),
        dead=_count(found.dead),
    )


def statement(using: str) -> str:
    """Return the statement, of which a plan may be asked."""
    connection = connections[using]
    some = _SOME[connection.vendor]

    def counted(name: str, guard: str, column: str, wanted: str) -> str:
        rows = some.format(
            name=name, guard=guard, column=column, wanted=wanted, limit=MOST + 1
        )
        return f"(SELECT COUNT(*) FROM ({rows}) AS counted)"

    scheduled = {"name": "waits", "guard": SCHEDULED, "column": "due_at"}
    claimed = {"name": "claims", "guard": CLAIMED, "column": "lease_ends_at"}
    held = some.format(**claimed, wanted=_HELD, limit=MOST_HELD + 1)
    # One row of the table's own columns, so that moments are read as such; no item has id 0.
    sql = f"""
        WITH RECURSIVE {shards_of("waits", SCHEDULED)}, {shards_of("claims", CLAIMED)},
        held AS ({held})
        SELECT 0 AS id,
            {counted(**scheduled, wanted=_COMING)} AS coming,
            ({_FIRST.format(**scheduled, wanted=_COMING)}) AS due_at,
            {counted(**scheduled, wanted=_DUE)} AS due,
            {counted(**scheduled, wanted=_WAITING)} AS waiting,
            ({_FIRST.format(**scheduled, wanted=_WAITING)}) AS started_at,
            {counted(**claimed, wanted=_LAPSED)} AS lapsed,
            ({_FIRST.format(**claimed, wanted=_LAPSED)}) AS lease_ends_at,
            (SELECT COUNT(*) FROM held) AS held,
            (SELECT COUNT(*) FROM held WHERE state = 'sent') AS sent,
            (SELECT COUNT(*) FROM held WHERE state = 'sent' AND sends > 2) AS resent,
            (SELECT COUNT(*) FROM held WHERE state = 'running') AS running,
            (SELECT COUNT(*) FROM (
                SELECT 1 FROM {{table}} WHERE state = 'dead'
                ORDER BY finished_at LIMIT {MOST + 1}
            ) AS counted) AS dead
    """
    return sql.format(table=connection.ops.quote_name(WorkItem._meta.db_table))


def _count(number: int, *, is_cut: bool = False) -> Count:
    return Count(number=min(number, MOST), is_at_least=is_cut or number > MOST)
