"""Runs: an item begins, its lease is renewed, and one result of it counts.

Lines 5 to 8, 10 and 14 to 16 of the table of transitions. An answer of None, or an item
that is missing in the answer, means "not yours any more": the caller drops what it did.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from workflow_engine.conf import options
from workflow_engine.exceptions import InvalidItem
from workflow_engine.models import ItemState, WorkItem
from workflow_engine.queue.store.claims import Pair
from workflow_engine.queue.store.statement import GIVEN_BACK, PAUSED, Transition

WORKER_CHARACTERS: Final = 200
AGAIN_SECONDS: Final = 1  # from one claim to the next, while clocks disagree on a pause


@dataclass(frozen=True, kw_only=True)
class Begun:
    """An item whose handler may be entered now; its attempt is written.

    Attributes:
        id: The item.
        token: The claim it was begun under.
        kind: What carries it out.
        lane: What limits go by.
        payload: Its data.
        subject: What it is about.
        attempt: Number of this begin, from 1.
        max_attempts: Begins allowed.
        firing_id: The firing it carries out.
        idempotency_key: Equal in all attempts, handed to the handler.
        created_at: When it was enqueued.
        due_at: When it was due.
        lease_ends_at: Until when it must be renewed or ended.
    """

    id: int
    token: int
    kind: str
    lane: str
    payload: dict[str, Any]
    subject: str
    attempt: int
    max_attempts: int
    firing_id: uuid.UUID | None
    idempotency_key: str
    created_at: datetime
    due_at: datetime
    lease_ends_at: datetime

    @property
    def is_last_attempt(self) -> bool:
        """Whether a failure of this one is the end."""
        return self.attempt >= self.max_attempts


# In a pause it is line 9 instead, in the same statement: given back with its attempts, the
# item is claimed as soon as the pause is over, and the message may be dropped. An item that
# a runner claimed after the end, by a clock that is ahead, is claimed again a second later.
_BEGIN: Final = Transition(
    guard="state = 'sent' AND token = given_token",
    seen={"is_paused": PAUSED},
    sets={
        "state": "CASE WHEN is_paused THEN 'scheduled' ELSE 'running' END",
        "attempts": "CASE WHEN is_paused THEN attempts ELSE attempts + 1 END",
        "due_at": f"CASE WHEN is_paused THEN {GIVEN_BACK} ELSE due_at END",
        "lease_ends_at": "CASE WHEN is_paused THEN NULL ELSE %(lease_ends_at)s END",
        "worker": "CASE WHEN is_paused THEN '' ELSE %(worker)s END",
        "started_at": "CASE WHEN is_paused THEN started_at ELSE %(now)s END",
    },
    returning=(
        "state",
        "token",
        "kind",
        "lane",
        "payload",
        "subject",
        "attempts",
        "max_attempts",
        "firing_id",
        "dedupe_key",
        "created_at",
        "due_at",
        "lease_ends_at",
    ),
)

_RENEW: Final = Transition(
    guard="state = 'running' AND token = given_token AND worker = %(worker)s",
    sets={"lease_ends_at": "%(lease_ends_at)s"},
    returning=("token", "cancel_requested_at"),
)


def begin(pairs: Sequence[Pair], *, now: datetime, worker: str) -> list[Begun]:
    """Begin items, in the order given; those that are not to be begun are left out.

    In a pause none is: they are scheduled again, as they were, and wait for its end. While
    `now` is before an end that is past for the runner, they go to and fro once a second.
    The attempt is counted before any work, so that a handler that kills its process runs
    `max_attempts` times at most. `worker` names the process, and renews.
    """
    rows = _BEGIN.of(
        _given(pairs),
        now=now,
        worker=_checked_worker(worker),
        lease_ends_at=_lease_end(now),
        again_seconds=AGAIN_SECONDS - options.HANDOFF_SECONDS,
    )
    running = [row for row in rows if row.state == ItemState.RUNNING]
    place = {pair: n for n, pair in reversed(list(enumerate(pairs)))}
    return [_begun(row) for row in sorted(running, key=lambda r: place[r.pk, r.token])]


def renew(pairs: Sequence[Pair], *, now: datetime, worker: str) -> dict[Pair, bool]:
    """Renew the leases of running items; return for each whether it shall be cancelled.

    One that is missing in the answer is this worker's no more.
    """
    rows = _RENEW.of(
        _given(pairs), worker=_checked_worker(worker), lease_ends_at=_lease_end(now)
    )
    return {(row.pk, row.token): row.cancel_requested_at is not None for row in rows}


def _given(pairs: Sequence[Pair]) -> list[dict[str, int]]:
    return [{"id": item_id, "token": token} for item_id, token in pairs]


def _checked_worker(worker: str) -> str:
    if not worker:
        raise InvalidItem("worker", "must name the process")
    return worker[:WORKER_CHARACTERS]


def _lease_end(now: datetime) -> datetime:
    return now + timedelta(seconds=options.ITEM_LEASE_SECONDS)


def _begun(row: WorkItem) -> Begun:
    if row.lease_ends_at is None:
        raise AssertionError("a row that was just begun has a lease")
    named = row.firing_id or row.dedupe_key
    return Begun(
        id=row.pk,
        token=row.token,
        kind=row.kind,
        lane=row.lane,
        payload=row.payload,
        subject=row.subject,
        attempt=row.attempts,
        max_attempts=row.max_attempts,
        firing_id=row.firing_id,
        idempotency_key=str(named) if named else f"wi-{row.pk}",
        created_at=row.created_at,
        due_at=row.due_at,
        lease_ends_at=row.lease_ends_at,
    )
