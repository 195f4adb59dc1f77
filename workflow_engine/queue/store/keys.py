"""Coalescing keys: at most one item that was never claimed is scheduled with one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from workflow_engine.conf import options
from workflow_engine.exceptions import Retryable
from workflow_engine.models import ItemState, WorkItem
from workflow_engine.queue.store.draft import OnTaken
from workflow_engine.queue.store.insert import Holder, insert
from workflow_engine.queue.store.statement import item_connection, table

TARGET: Final = "(\"key\") WHERE state = 'scheduled' AND token = 0"
TURNS: Final = 10  # a claim may come between our two looks, over and over

#: When the event of a payload happened: RFC 3339 in UTC, as text. Without the Z a moment
#: with a fraction follows the same one without.
_EVENT_TIME: Final = {
    "postgresql": "rtrim({payload} #>> '{{event,time}}', 'Z') COLLATE \"C\"",
    "sqlite": "rtrim(json_extract({payload}, '$.event.time'), 'Z')",
}


def insert_keyed(rows: Sequence[WorkItem], on_taken: OnTaken) -> dict[str, Holder]:
    """Insert rows, or do to those that have their keys what `on_taken` says.

    Several rows of one key count as enqueued one after the other. The rows met are locked
    until the transaction ends: whoever claims one has not read what it stands for now.
    To be called in a transaction.
    """
    folded: dict[str, WorkItem] = {}
    for row in rows:
        key = str(row.key)
        folded[key] = _fold(folded[key], row, on_taken) if key in folded else row
    if on_taken == "keep":
        return _insert_or_keep(folded)
    written = insert(list(folded.values()), f"{TARGET} DO UPDATE SET {_sets(on_taken)}")
    return {str(row.key): Holder(id=row.pk, created=row.rev == 1) for row in written}


def _insert_or_keep(waiting: dict[str, WorkItem]) -> dict[str, Holder]:
    holders: dict[str, Holder] = {}
    for _ in range(TURNS):
        for row in insert(list(waiting.values()), f"{TARGET} DO NOTHING"):
            holders[str(row.key)] = Holder(id=row.pk, created=True)
        for item_id, key in _lock(waiting.keys() - holders.keys()):
            holders[key] = Holder(id=item_id, created=False)
        waiting = {key: row for key, row in waiting.items() if key not in holders}
        if not waiting:
            return holders
    raise Retryable("The items of the keys are claimed as fast as seen; enqueue again.")


def _lock(keys: set[str]) -> list[tuple[int, str]]:
    """Lock and return those that have the keys; one that is just being claimed has not."""
    if not keys:
        return []
    rows = WorkItem.objects.using(options.DATABASE).select_for_update()
    taken = rows.filter(key__in=keys, state=ItemState.SCHEDULED, token=0)
    return [(n, str(key)) for n, key in taken.order_by("key").values_list("id", "key")]


def _sets(on_taken: OnTaken) -> str:
    """Return what is written over the row that has the key."""
    connection = item_connection()
    old = table()
    rev = f"rev = {old}.rev + 1"
    if on_taken == "move":
        return f"payload = EXCLUDED.payload, due_at = EXCLUDED.due_at, {rev}"
    time = _EVENT_TIME[connection.vendor]
    is_later = (
        f"{time.format(payload=f'{old}.payload')}"
        f" > {time.format(payload='EXCLUDED.payload')}"
    )
    kept = f"CASE WHEN {is_later} THEN {old}.payload ELSE EXCLUDED.payload END"
    return f"payload = {kept}, {rev}"


def _fold(first: WorkItem, second: WorkItem, on_taken: OnTaken) -> WorkItem:
    """Return the row that does what both would do one after the other."""
    if on_taken == "keep":
        return first
    old, new = _event_time(first.payload), _event_time(second.payload)
    is_later = bool(old and new and old > new)
    if on_taken == "move" or not is_later:
        first.payload = second.payload
    if on_taken == "move":
        first.due_at = second.due_at
    return first


def _event_time(payload: dict[str, Any]) -> str:
    event = payload.get("event")
    time = event.get("time") if isinstance(event, dict) else None
    return str(time or "").rstrip("Z")
