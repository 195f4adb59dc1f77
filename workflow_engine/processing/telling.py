"""Telling: what spans tell of events, items and firings: ids and outcomes, no data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from workflow_engine.models import Firing
from workflow_engine.queue import TRACEPARENT, Begun
from workflow_engine.telemetry import Attribute
from workflow_engine.types.event import Event
from workflow_engine.types.trace import Trace


def of_events(traces: Sequence[Trace]) -> dict[str, Attribute]:
    """Return how many events of a batch had each outcome; of a single one, which it is."""
    told: dict[str, Attribute] = {
        f"outcome.{result.value}": number
        for result, number in Counter(trace.result for trace in traces).items()
    }
    if len(traces) == 1:
        (only,) = traces
        told |= {"event_id": only.event.id, "event_type": only.event.type}
        told |= {"trace_id": only.id, "reason": only.reason.value}
    return told


def of_items(items: Sequence[Begun]) -> dict[str, Attribute]:
    """Return how many items are carried out together; of a single one, which it is."""
    if len(items) != 1:
        return {"items": len(items)}
    (only,) = items
    return {"item_id": only.id, "item_kind": only.kind, "attempt": only.attempt}


def of_firing(firing: Firing) -> dict[str, Attribute]:
    """Return which firing is carried out; `trace_id` is that of its decision."""
    return {
        "firing": str(firing.uuid),
        "trace_id": firing.trace_id.hex,
        "workflow": firing.workflow_slug,
        "action": firing.action_slug,
        "attempt": firing.attempts,
    }


def cause_of(item: Begun) -> str:
    """Return the `traceparent` of the span that wrote an item, "" for none."""
    return str(item.payload.get(TRACEPARENT, ""))


def sender_of(event: Event) -> str:
    """Return the `traceparent` that an event came with, an extension of CloudEvents."""
    return str(event.extensions.get(TRACEPARENT, ""))
