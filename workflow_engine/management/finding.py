"""Finding: the kept decision of an event, or else where the event waits to be judged."""

from __future__ import annotations

from typing import Final

from workflow_engine.conf import options
from workflow_engine.management.command import wrong
from workflow_engine.models import Decision, WorkItem
from workflow_engine.processing.items import EVENT
from workflow_engine.types.event import JSON
from workflow_engine.types.reasons import Reason

MOST_WAITING: Final = 10  # of one id; a source uses it once, and few sources do


def find_decision(event_id: str, source: str | None) -> Decision | None:
    """Return the newest decision that is not about a copy of the event; None = none is kept.

    Raises:
        CommandError: Events of several sources have the id, and none was given.
    """
    rows = Decision.objects.using(options.DATABASE).filter(event_id=event_id)
    if source is not None:
        rows = rows.filter(event_source=source)
    sources = sorted(set(rows.values_list("event_source", flat=True)))
    if len(sources) > 1:
        raise wrong(
            f"event '{event_id}' came from {len(sources)} sources; give one: "
            + " ".join(f"--source {name}" for name in sources)
        )
    newest = rows.order_by("-decided_at", "-pk")
    return newest.exclude(reason=Reason.DUPLICATE_EVENT).first() or newest.first()


def find_waiting(event_id: str, source: str | None) -> list[WorkItem]:
    """Return the items with which events of this id wait to be judged, the oldest first."""
    rows = WorkItem.objects.using(options.DATABASE).live()
    rows = rows.filter(kind=EVENT, payload__event__id=event_id)
    if source is not None:
        rows = rows.filter(payload__event__source=source)
    return list(rows.order_by("pk")[:MOST_WAITING])


def waiting_text(event_id: str, item: WorkItem) -> str:
    """Return where the event stands: "event x-2 waits as item 4 (sent, attempt 1)"."""
    tried = f"attempt {item.attempts}" if item.attempts else "no attempt yet"
    return f"event {event_id} waits as item {item.pk} ({item.state}, {tried})"


def waiting_json(item: WorkItem) -> dict[str, JSON]:
    """Return the same as plain JSON data."""
    return {"item": item.pk, "state": item.state, "attempts": item.attempts}


def not_kept_text(event_id: str) -> str:
    """Return that nothing is known of an event, why that may be, and the cures."""
    share = options.TRACE_SHARE["no_match"]
    return f"""no decision about event '{event_id}' is kept, and it does not wait as an item
What fired or was held is always kept; of what did not match only a share is
(TRACE_SHARE, now {share}). To see why an event did not match:
  WORKFLOW_ENGINE = {{"TRACE_SHARE": {{"no_match": 1}}}} keeps all from now on
  "Trace until" on a workflow keeps all that reach it until then
  workflow_explain FILE decides about the event in a file now"""
