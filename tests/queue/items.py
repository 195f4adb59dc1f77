"""Items in a wanted state, brought there by the store itself."""

from datetime import UTC, datetime
from typing import Any

from workflow_engine.models import WorkItem
from workflow_engine.queue import Draft, begin, cancel, enqueue, finish, give_up

NOW = datetime(2026, 5, 2, 10, tzinfo=UTC)
STATES = ("scheduled", "sent", "running", "done", "cancelled", "dead")


def draft(**given: Any) -> Draft:
    """Return a draft of an item with an event, due now."""
    payload = {"event": {"id": "8c1"}, "workflow": 7}
    return Draft(**{"kind": "act", "payload": payload, **given})


def row(item_id: int) -> WorkItem:
    """Return the row as it is now."""
    return WorkItem.objects.get(pk=item_id)


def item_in(state: str, **given: Any) -> WorkItem:
    """Return an item in a state, at its first token, in which all happened at NOW."""
    is_new = state in {"scheduled", "cancelled"}
    item = enqueue(draft(**given), now=NOW, direct=not is_new)
    if state == "cancelled":
        cancel(item.id, now=NOW)
    elif state in {"running", "done", "dead"}:
        begin([(item.id, 1)], now=NOW, worker="worker-1")
    if state == "done":
        finish(item.id, 1, 1, now=NOW)
    if state == "dead":
        give_up(item.id, 1, now=NOW, error=ValueError("no such address"))
    return row(item.id)
