"""Claims: who is to send an item, and what happens to one that nobody began or ended.

Lines 3, 4, 9 and 11 of the table of transitions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import random as chance
from typing import Final, TypeAlias

from workflow_engine.conf import options
from workflow_engine.models import ItemState, WorkItem
from workflow_engine.queue.backoff import delay_seconds
from workflow_engine.queue.store.failure import WORKER_LOST
from workflow_engine.queue.store.finished import tell_finished
from workflow_engine.queue.store.statement import (
    CLAIMED,
    PAUSED,
    SCHEDULED,
    Transition,
    table,
)
from workflow_engine.queue.store.states import (
    AFTER_FAILURE,
    ENDED,
    LET_GO,
    if_scheduled,
    moving_to,
)

Pair: TypeAlias = tuple[int, int]  # id and token

LONGEST_HANDOFF_SECONDS: Final = 3600
DOUBLINGS: Final = 12  # of the shortest hand-off, a second, until it is the longest


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """An item that is the caller's to send.

    Attributes:
        id: The item.
        token: The number of this claim; what is begun and finished must name it.
        lane: What joint messages go by.
        due_at: When it was due.
        is_alone: Whether it must not share a message: it was lost with its worker before,
            and might take its neighbours along.
    """

    id: int
    token: int
    lane: str
    due_at: datetime
    is_alone: bool

    @property
    def pair(self) -> Pair:
        """Its id and token."""
        return self.id, self.token


_CLAIMED: Final = ("token", "lane", "due_at", "error_class")

_CLAIM: Final = Transition(
    guard=f"state = 'scheduled' AND due_at <= %(now)s AND NOT {PAUSED}",
    sets={
        "state": "'sent'",
        "token": "token + 1",
        "sends": "1",
        "lease_ends_at": "%(lease_ends_at)s",
    },
    returning=_CLAIMED,
)

_RESEND: Final = Transition(
    guard=f"state = 'sent' AND lease_ends_at < %(now)s AND NOT {PAUSED}",
    sets={
        "sends": "sends + 1",
        "lease_ends_at": "CASE sends {} ELSE %(lease_{})s END".format(
            " ".join(f"WHEN {n} THEN %(lease_{n})s" for n in range(1, DOUBLINGS)),
            DOUBLINGS,
        ),
    },
    returning=_CLAIMED,
)

_UNSEND: Final = Transition(
    guard="state = 'sent' AND token = given_token",
    sets={"state": "'scheduled'", **LET_GO},
    returning=("token",),
)

#: Runs whose lease has ended.
_LAPSED: Final = f"""
    SELECT id, token, attempts FROM {{table}}
    WHERE {CLAIMED} AND state = 'running' AND lease_ends_at < %(now)s
    ORDER BY lease_ends_at LIMIT %(limit)s
"""  # noqa: S608 - no value in it

_LAPSE: Final = Transition(
    guard="state = 'running' AND lease_ends_at < %(now)s AND token = given_token",
    sets={
        **moving_to(AFTER_FAILURE),
        "due_at": if_scheduled(AFTER_FAILURE, "given_due_at", "due_at"),
        "error_class": "%(error_class)s",
        "error": "%(error)s",
    },
    returning=ENDED,
)


def claim(*, now: datetime, limit: int) -> list[Claimed]:
    """Take at most `limit` due items that nobody holds, the first due first; none in a pause.

    The caller sends them before HANDOFF_SECONDS are over, or gives them back (`unsend`).
    """
    lease_ends_at = now + timedelta(seconds=options.HANDOFF_SECONDS)
    rows = _CLAIM.first(
        "due_at, id", SCHEDULED, limit=limit, now=now, lease_ends_at=lease_ends_at
    )
    return _claimed(rows)


def resend(*, now: datetime, limit: int) -> list[Claimed]:
    """Take at most `limit` items that were sent and not begun in time; none in a pause.

    They keep their tokens: were those to change, a broker with a long backlog would
    receive each message outdated, and nothing would ever begin.
    """
    rows = _RESEND.first("lease_ends_at", CLAIMED, limit=limit, now=now, **_leases(now))
    return _claimed(rows)


def unsend(pairs: Sequence[Pair]) -> list[Pair]:
    """Give back what was not sent; return what was given back. Attempts and due stay."""
    rows = _UNSEND.of([{"id": id_, "token": token} for id_, token in pairs])
    return sorted((row.pk, row.token) for row in rows)


def lapse(
    *, now: datetime, limit: int, random: Callable[[], float] = chance
) -> dict[int, ItemState]:
    """End the runs whose worker was not heard of in time; return the new states by id.

    One query when there are none. Of more than `limit`, call again.
    """
    lapsed = WorkItem.objects.using(options.DATABASE).raw(
        _LAPSED.format(table=table()), {"now": now, "limit": limit}
    )
    given = [
        {
            "id": row.pk,
            "token": row.token,
            "due_at": now + timedelta(seconds=delay_seconds(row.attempts, random)),
        }
        for row in lapsed
    ]
    lost = WORKER_LOST
    rows = _LAPSE.of(given, now=now, error_class=lost.error_class, error=lost.error)
    return tell_finished(rows)


def _leases(now: datetime) -> dict[str, datetime]:
    """Return the ends of the next lease, by the messages sent so far."""
    first = options.HANDOFF_SECONDS
    return {
        f"lease_{sends}": now
        + timedelta(seconds=min(first * 2**sends, LONGEST_HANDOFF_SECONDS))
        for sends in range(1, DOUBLINGS + 1)
    }


def _claimed(rows: Sequence[WorkItem]) -> list[Claimed]:
    found = [
        Claimed(
            id=row.pk,
            token=row.token,
            lane=row.lane,
            due_at=row.due_at,
            is_alone=row.error_class == WORKER_LOST.error_class,
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (one.due_at, one.id))
