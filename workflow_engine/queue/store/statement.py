"""Statement: one guarded UPDATE of items, the only way their state changes.

The guard stands twice: in the sub-select that locks the rows in the order of their ids, so
that two statements never wait for each other in a circle, and in the UPDATE itself. A row
the guard refuses is left out, never an error. SQLite has one writer and needs no locks.
"""

# ruff: noqa: S608 - SQL is put together from names of ours; values are bound.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from workflow_engine.conf import options
from workflow_engine.models import Pause, WorkItem

#: Rows for a statement: by name, the same names in each.
Given = Sequence[Mapping[str, Any]]

#: The conditions of the two indexes by shard, word for word: SQLite uses an index of a
#: part of the rows only where it finds its condition.
SCHEDULED: Final = "state = 'scheduled'"
CLAIMED: Final = "state IN ('sent', 'running')"

#: Whether a pause lasts at %(now)s. It names no row of items: one look for a statement.
PAUSED: Final = "{paused}"
_PAUSED: Final = (
    "EXISTS (SELECT 1 FROM {} AS held WHERE held.until IS NULL OR held.until > %(now)s)"
)

#: When an item is due that a worker gives back in a pause: as it was, for no runner takes it
#: before the end. But a worker whose clock is behind still sees a pause whose end the runner
#: saw before it claimed, and what is due as it was would be claimed at once, and circle. So
#: it is due a second after the claim, by the clock of the one who claimed, whose first lease
#: tells the moment: once a second however far the clocks are apart, and never long after
#: somebody resumes. %(again_seconds)s lead from the end of a first lease to that second.
GIVEN_BACK: Final = "{given_back}"
_GIVEN_BACK: Final = (
    "(SELECT CASE WHEN sends = 1 AND {again_at} > held.until THEN {again_at}"
    " ELSE due_at END FROM {pause} AS held)"
)
_AGAIN_AT: Final = {
    "postgresql": "lease_ends_at + %(again_seconds)s * interval '1 second'",
    "sqlite": "django_format_dtdelta('+', lease_ends_at, %(again_seconds)s * 1000000)",
}

#: The payload without its event and what was measured in it.
_LEAN: Final = {
    "postgresql": (
        "CASE jsonb_typeof(payload) WHEN 'object' THEN payload"
        " - 'event' - 'detection'"
        " ELSE payload END"
    ),
    "sqlite": "json_remove(payload, '$.event', '$.detection')",
}

#: The numbers of the shards that have rows of a state: one look at the index for each.
_SHARDS: Final = """
    {name} (number) AS (
        SELECT MIN(shard) FROM {{table}} WHERE {guard}
        UNION ALL
        SELECT (SELECT MIN(shard) FROM {{table}} WHERE {guard} AND shard > {name}.number)
        FROM {name} WHERE {name}.number IS NOT NULL
    )
"""


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One line, or two that share a statement, of the table of transitions.

    `{lean}` stands for the payload without its event and detection, PAUSED for whether a pause
    lasts, GIVEN_BACK for when an item is due that is given back in one, `given_<name>` for a
    value of the row given, `%(<name>)s` for a parameter.

    Attributes:
        guard: What must hold of a row.
        sets: What is written, by column; the revision is raised besides.
        returning: What is returned of each row written, beside its id.
        seen: What `sets` may name besides, by name: looked up once, by `of` alone.
    """

    guard: str
    sets: Mapping[str, str]
    returning: tuple[str, ...]
    seen: Mapping[str, str] = field(default_factory=dict)

    def of(self, given: Given, **parameters: Any) -> list[WorkItem]:
        """Move the rows whose `id` is given and that pass the guard; return them."""
        if not given:
            return []
        names = tuple(given[0])
        connection = item_connection()
        seen = "".join(f", {value} AS {name}" for name, value in self.seen.items())
        picked = f"""
            WITH given ({", ".join(f"given_{name}" for name in names)}) AS (
                VALUES {_places(given, names)}
            ), taken AS MATERIALIZED (
                SELECT id AS item_id, given.*{seen} FROM {{table}}
                JOIN given ON id = given_id
                WHERE {self.guard} ORDER BY id {_lock(connection)}
            )
        """
        bound = {
            f"{name}_{n}": row[name] for n, row in enumerate(given) for name in names
        }
        return self._run(picked, {**bound, **parameters}, connection)

    def where(self, wanted: str, **parameters: Any) -> list[WorkItem]:
        """Move all rows that are wanted and pass the guard; return them."""
        connection = item_connection()
        picked = f"""
            WITH taken AS MATERIALIZED (
                SELECT id AS item_id FROM {{table}}
                WHERE {wanted} AND {self.guard} ORDER BY id {_lock(connection)}
            )
        """
        return self._run(picked, parameters, connection)

    def first(
        self, order: str, among: str, *, limit: int, **parameters: Any
    ) -> list[WorkItem]:
        """Move the first rows that pass the guard and that nobody else holds.

        Of more than `limit`, the first ones shard by shard, the shards in random order;
        SQLite has no such joins, and takes the first ones of all shards. `among` is the
        condition of the index by shard.
        """
        connection = item_connection()
        first = f"ORDER BY {order} LIMIT %(limit)s"
        if connection.vendor == "postgresql":
            picked = f"""
                WITH RECURSIVE {shards_of("live", among)}
                , taken AS MATERIALIZED (
                    SELECT one.id AS item_id
                    FROM (
                        SELECT number FROM live WHERE number IS NOT NULL
                        ORDER BY random()
                    ) AS shards
                    CROSS JOIN LATERAL (
                        SELECT id FROM {{table}}
                        WHERE {among} AND {self.guard} AND shard = shards.number
                        {first} FOR UPDATE SKIP LOCKED
                    ) AS one
                    LIMIT %(limit)s
                )
            """
        else:
            picked = f"""
                WITH taken AS MATERIALIZED (
                    SELECT id AS item_id FROM {{table}}
                    WHERE {among} AND {self.guard} {first}
                )
            """
        return self._run(picked, {**parameters, "limit": limit}, connection)

    def _run(
        self,
        picked: str,
        parameters: Mapping[str, Any],
        connection: BaseDatabaseWrapper,
    ) -> list[WorkItem]:
        sets = ", ".join(f"{column} = {value}" for column, value in self.sets.items())
        sql = f"""
            {picked}
            UPDATE {{table}} SET rev = rev + 1, {sets} FROM taken
            WHERE id = item_id AND {self.guard}
            RETURNING {", ".join(("id", *self.returning))}
        """.format(
            table=table(),
            lean=_LEAN[connection.vendor],
            paused=_PAUSED.format(pause_table()),
            given_back=_GIVEN_BACK.format(
                again_at=_AGAIN_AT[connection.vendor], pause=pause_table()
            ),
        )
        return list(WorkItem.objects.using(options.DATABASE).raw(sql, parameters))


def item_connection() -> BaseDatabaseWrapper:
    """Return this thread's connection to where the items are."""
    return connections[options.DATABASE]


def table() -> str:
    """Return the name of the items' table, quoted."""
    return item_connection().ops.quote_name(WorkItem._meta.db_table)


def pause_table() -> str:
    """Return the name of the table of the pause, quoted."""
    return item_connection().ops.quote_name(Pause._meta.db_table)


def as_json(value: Any) -> Any:
    """Return plain JSON data as a parameter of a statement."""
    return item_connection().ops.adapt_json_value(value, None)


def shards_of(name: str, guard: str) -> str:
    """Return what follows WITH RECURSIVE to have the numbers of the shards that have rows.

    The last number is null.
    """
    return _SHARDS.format(name=name, guard=guard)


def first_moment(column: str, guard: str) -> str:
    """Return the query for the lowest value of a column in all shards, or null."""
    return f"""
        WITH RECURSIVE {shards_of("live", guard)}
        SELECT MIN((
            SELECT MIN({column}) FROM {{table}} WHERE {guard} AND shard = live.number
        )) FROM live WHERE live.number IS NOT NULL
    """


def _places(given: Given, names: tuple[str, ...]) -> str:
    return ", ".join(
        f"({', '.join(f'%({name}_{n})s' for name in names)})" for n in range(len(given))
    )


def _lock(connection: BaseDatabaseWrapper) -> str:
    return "FOR UPDATE OF {table}" if connection.vendor == "postgresql" else ""
