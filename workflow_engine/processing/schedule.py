"""Schedule: durable work that a caller asks for, or no longer wants, in its transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import transaction

from workflow_engine.conf import options
from workflow_engine.exceptions import UnknownRule
from workflow_engine.lookups import workflows
from workflow_engine.models import Firing, FiringState, WorkItem
from workflow_engine.processing.effects import Evaluation
from workflow_engine.processing.firings import end_firings, kinds_of
from workflow_engine.processing.items import evaluate_draft, event_draft
from workflow_engine.processing.judged import new_trace_id
from workflow_engine.queue import (
    Cancellation,
    Draft,
    Send,
    cancel,
    enqueue_many,
    send_after_commit,
)
from workflow_engine.types.detection import Change, Detection
from workflow_engine.types.event import Event
from workflow_engine.types.priority import Priority
from workflow_engine.types.reasons import Reason
from workflow_engine.types.snapshots import Absent

SOURCE: Final = "workflow-engine/schedule"
TYPE: Final = "workflow-engine.scheduled"


def enqueue_events(
    events: Sequence[Event], now: datetime, send: Send | None
) -> list[int]:
    """Write events as items and return their ids; they are sent after the commit."""
    return _enqueue([event_draft(event) for event in events], now, send)


def enqueue_workflow(
    workflow_id: int, subject: str, due_at: datetime, now: datetime
) -> int:
    """Have a workflow judged at a moment, in its own environment; return the item's id."""
    workflow = workflows.get(workflow_id)
    if isinstance(workflow, Absent):
        raise UnknownRule(f"there is no workflow {workflow_id}")
    event = Event(
        id=str(new_trace_id()),
        source=SOURCE,
        type=TYPE,
        time=due_at,
        accepted_at=now,
        subject=subject,
        environment=workflow.environment or "",
    )
    detection = Detection(
        detector_id=0,
        detector="",
        change=Change.REPEATED,
        priority=Priority.MEDIUM,
    )
    evaluation = Evaluation(
        workflow_id=workflow_id,
        ifs=None,
        event=event,
        detection=detection,
        due_at=due_at,
    )
    (item_id,) = _enqueue([evaluate_draft(evaluation, coalesce=False)], now, None)
    return item_id


def cancel_work(item_id: int, now: datetime) -> Cancellation:
    """Cancel an item and the firing it carries out; say what became of the wish."""
    using = options.DATABASE
    with transaction.atomic(using=using):
        # The firing is locked before its item, as everywhere.
        own = WorkItem.objects.using(using).filter(pk=item_id).values("firing")
        rows = Firing.objects.using(using).open().filter(uuid__in=own)
        lost = kinds_of(rows.select_for_update())
        became = cancel(item_id, now=now)
        if became is Cancellation.CANCELLED:
            end_firings(
                lost,
                FiringState.CANCELLED,
                Reason.BY_HAND,
                now=now,
                using=using,
            )
    return became


def _enqueue(drafts: Sequence[Draft], now: datetime, send: Send | None) -> list[int]:
    with transaction.atomic(using=options.DATABASE):
        items = enqueue_many(drafts, now=now, direct=send is not None)
        due = [(item.id, item.token) for item in items if item.token]
        if due and send is not None:
            send_after_commit(due, send)
    return [item.id for item in items]
