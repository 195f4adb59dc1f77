"""Enqueue: drafts in, rows out; items due now are written as sent (lines 1 and 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from workflow_engine import telemetry
from workflow_engine.conf import options
from workflow_engine.models import ItemState, WorkItem
from workflow_engine.queue.store.dedupe import insert_deduped
from workflow_engine.queue.store.draft import (
    TRACEPARENT,
    Draft,
    check_draft,
    check_moment,
)
from workflow_engine.queue.store.keys import insert_keyed
from workflow_engine.queue.store.statement import item_connection


@dataclass(frozen=True, kw_only=True)
class Enqueued:
    """What became of a draft.

    Attributes:
        id: The item: its own, or the one that had its key.
        created: Whether a row was written for it.
        token: What the item is to be sent with, by the caller after the commit; 0 when it
            is not the caller's to send.
    """

    id: int
    created: bool
    token: int = 0


def enqueue_many(
    drafts: Sequence[Draft], *, now: datetime, direct: bool
) -> list[Enqueued]:
    """Write items and return what became of each draft, in order.

    `direct`: the caller sends what has a token, after the commit (`send_after_commit`).
    At most DIRECT_ITEMS of those due now are written as sent; the rest, and what has a
    key, is scheduled. In the caller's transaction, if there is one. One statement for
    plain drafts, one or two more for each way to meet a taken key, three for dedupe keys.

    Raises:
        InvalidItem: A draft was refused, and nothing was written.
    """
    check_moment("now", now)
    for draft in drafts:
        check_draft(draft, now=now)
    rows = _rows(drafts, now=now, direct=direct and _has_commit_hook())
    with transaction.atomic(using=options.DATABASE, savepoint=False):
        done = {
            **_insert_plain(rows),
            **_insert_deduped(rows, now=now),
            **_insert_keyed(drafts, rows),
        }
    return [done[n] for n in range(len(drafts))]


def enqueue(draft: Draft, *, now: datetime, direct: bool) -> Enqueued:
    """Write one item; see `enqueue_many`."""
    return enqueue_many([draft], now=now, direct=direct)[0]


def _has_commit_hook() -> bool:
    # With autocommit switched off nobody tells of the commit.
    connection = item_connection()
    return connection.in_atomic_block or connection.get_autocommit()


def _rows(drafts: Sequence[Draft], *, now: datetime, direct: bool) -> list[WorkItem]:
    free = options.DIRECT_ITEMS if direct else 0
    cause = telemetry.traceparent()
    rows = []
    for draft in drafts:
        is_sent = free > 0 and draft.key is None and draft.is_due(at=now)
        free -= is_sent
        rows.append(_row(draft, cause, now=now, is_sent=is_sent))
    return rows


def _row(draft: Draft, cause: str, *, now: datetime, is_sent: bool) -> WorkItem:
    handoff = timedelta(seconds=options.HANDOFF_SECONDS)
    return WorkItem(
        kind=draft.kind,
        lane=draft.lane or draft.kind,
        subject=draft.subject,
        payload={**draft.payload, TRACEPARENT: cause} if cause else draft.payload,
        shard=draft.shard(),
        state=(ItemState.SENT if is_sent else ItemState.SCHEDULED).value,
        due_at=now if draft.due_at is None else draft.due_at,
        token=int(is_sent),
        sends=int(is_sent),
        max_attempts=draft.max_attempts or options.MAX_ATTEMPTS,
        lease_ends_at=now + handoff if is_sent else None,
        dedupe_key=draft.dedupe_key,
        key=draft.key,
        firing_id=draft.firing_id,
        created_at=now,
    )


def _insert_plain(rows: Sequence[WorkItem]) -> dict[int, Enqueued]:
    plain = {
        n: row
        for n, row in enumerate(rows)
        if row.key is None and row.dedupe_key is None
    }
    WorkItem.objects.using(options.DATABASE).bulk_create(plain.values())
    return {n: _created(row) for n, row in plain.items()}


def _insert_deduped(rows: Sequence[WorkItem], *, now: datetime) -> dict[int, Enqueued]:
    wanted = {n: row for n, row in enumerate(rows) if row.dedupe_key is not None}
    firsts = {row.dedupe_key: row for row in reversed(wanted.values())}
    holders = insert_deduped(list(firsts.values()), now=now)
    done = {}
    for n, row in wanted.items():
        holder = holders[str(row.dedupe_key)]
        is_own = holder.created and firsts[row.dedupe_key] is row
        done[n] = Enqueued(
            id=holder.id, created=is_own, token=row.token if is_own else 0
        )
    return done


def _insert_keyed(
    drafts: Sequence[Draft], rows: Sequence[WorkItem]
) -> dict[int, Enqueued]:
    done: dict[int, Enqueued] = {}
    keyed = [(n, draft) for n, draft in enumerate(drafts) if draft.key is not None]
    while keyed:
        way = keyed[0][1].on_taken
        turn, keyed = _one_turn(keyed, way)
        written = insert_keyed([rows[n] for n, _ in turn], way)
        first_of = {str(draft.key): n for n, draft in reversed(turn)}
        for n, draft in turn:
            one = written[str(draft.key)]
            is_own = one.created and first_of[str(draft.key)] == n
            done[n] = Enqueued(id=one.id, created=is_own)
    return done


def _one_turn(
    keyed: Sequence[tuple[int, Draft]], way: str
) -> tuple[list[tuple[int, Draft]], list[tuple[int, Draft]]]:
    """Part drafts into those of one way and the rest; a key keeps the order of its drafts."""
    turn: list[tuple[int, Draft]] = []
    rest: list[tuple[int, Draft]] = []
    waiting = set()
    for n, draft in keyed:
        if draft.on_taken == way and draft.key not in waiting:
            turn.append((n, draft))
        else:
            waiting.add(draft.key)
            rest.append((n, draft))
    return turn, rest


def _created(row: WorkItem) -> Enqueued:
    return Enqueued(id=row.pk, created=True, token=row.token)
