"""Test-fire: one action sent for real, from a sample event, marked as a test."""

from __future__ import annotations

import uuid
from datetime import datetime

from workflow_engine import actions
from workflow_engine.actions import Attempt, SendTask
from workflow_engine.conf import options
from workflow_engine.exceptions import HandlerMissing, Permanent
from workflow_engine.models import Action, Firing, FiringState
from workflow_engine.processing.deliveries import keep_delivery
from workflow_engine.types.detection import Change, Detection
from workflow_engine.types.event import Event
from workflow_engine.types.priority import Priority
from workflow_engine.types.reasons import Reason


def sample_event(now: datetime) -> Event:
    """Return the event a test is fired from when none is given."""
    return Event(
        id=f"test-{uuid.uuid4()}",
        source="workflow-engine/test",
        type="workflow-engine.test",
        time=now,
        accepted_at=now,
        subject="test",
        data={"message": "This is a test."},
    )


def fire_test(
    action: Action,
    event: Event,
    now: datetime,
    *,
    send_task: SendTask | None,
    dry_run: bool,
) -> Attempt:
    """Carry out one action once; no interval is asked or taken, nothing is retried.

    The firing and its delivery are kept as history with purpose `test`; a dry run stops
    before the last network or broker write and keeps nothing.
    """
    firing = Firing(
        uuid=uuid.uuid4(),
        trace_id=uuid.uuid4(),
        event_source=event.source,
        event_id=event.id,
        environment=event.environment,
        subject=event.subject,
        action=action,
        action_slug=action.slug,
        purpose=Firing.Purpose.TEST,
        priority=Priority.MEDIUM.value,
        decided_at=now,
        due_at=now,
        attempts=1,
    )
    view = actions.Firing(
        uuid=str(firing.uuid),
        event=event,
        detection=Detection(
            detector_id=0,
            detector="test",
            change=Change.REPEATED,
            priority=Priority.MEDIUM,
        ),
        action_slug=action.slug,
        purpose="test",
        now=now,
        timeout_seconds=options.ACTION_SECONDS,
        send_task=send_task,
    )
    if dry_run:
        return actions.rehearse(action.kind, view, action.config)
    attempt = actions.perform(action.kind, view, action.config)
    ok = attempt.error is None
    firing.state = FiringState.SUCCEEDED if ok else FiringState.FAILED
    firing.reason = _reason(attempt.error).value
    firing.finished_at = now
    firing.save(using=options.DATABASE)
    keep_delivery(firing, 1, attempt, now, options.DATABASE)
    return attempt


def _reason(error: Exception | None) -> Reason:
    """Return why the one attempt that a test has ended as it did."""
    if error is None:
        return Reason.SENT
    if isinstance(error, HandlerMissing):
        return Reason.HANDLER_MISSING
    return Reason.PERMANENT if isinstance(error, Permanent) else Reason.ATTEMPTS_USED
