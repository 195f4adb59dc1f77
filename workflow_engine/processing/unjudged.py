"""Unjudged: a durable event that could not be judged in all its attempts, told as a decision."""

from __future__ import annotations

import msgspec

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.models import ItemState, WorkItem
from workflow_engine.processing.items import EVENT, EventPayload
from workflow_engine.processing.judged import new_trace_id
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.types.reasons import Reason, result_of
from workflow_engine.types.trace import Trace


def tell_unjudged(*, item_id: int, state: str, kind: str, **_: object) -> None:
    """Hear of an item's end; keep a decision of an event that is a dead letter now."""
    if kind != EVENT or state != ItemState.DEAD:
        return
    item = WorkItem.objects.using(options.DATABASE).filter(pk=item_id).first()
    if item is None:
        return
    try:
        payload = msgspec.convert(item.payload, EventPayload)
    except msgspec.ValidationError:
        return  # the item says what is wrong with it; there is no event to speak of
    trace = Trace(
        id=new_trace_id().hex,
        event=payload.event,
        item=EVENT,
        decided_at=clock.now(),
        result=result_of(Reason.EVENT_FAILED),
        reason=Reason.EVENT_FAILED,
    )
    ledger = DatabaseLedger()
    ledger.keep([trace])
    ledger.note([trace])
