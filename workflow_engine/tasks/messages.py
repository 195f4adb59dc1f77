"""Messages: what goes through the broker, out and in; ids, tokens and plain JSON.

A task makes one call. Nothing here uses `eta` or `countdown`: what is due later is an item.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

from celery import current_app, shared_task
from celery.exceptions import Reject
from django.db import Error as DatabaseError
from django.db.models import BigIntegerField

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.exceptions import BrokerRefused, SubmitFailed
from workflow_engine.metrics.counts import counts
from workflow_engine.processing.execution import Executor
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.processing.pipeline import process
from workflow_engine.processing.schedule import enqueue_events
from workflow_engine.types.event import JSON, Event, from_message, to_message

logger = logging.getLogger(__name__)

_NAME: Final = "workflow_engine"

#: So that a database that is away is not asked in a hot loop.
REQUEUE_PAUSE_SECONDS: Final = 1.0


def send_events(events: Sequence[Event]) -> None:
    """Hand events to the broker, at most EVENT_BATCH in a message.

    Raises:
        SubmitFailed: The broker did not take one of the messages.
    """
    size = options.EVENT_BATCH
    messages = [to_message(event) for event in events]
    queue = options.CELERY_QUEUES["events"]
    try:
        for start in range(0, len(messages), size):
            chunk = messages[start : start + size]
            process_events.apply_async(args=(chunk,), queue=queue)
    except Exception as error:
        counts.add("event", "handover", "refused", len(events))
        message = f"the broker did not take {len(events)} events: {error}"
        raise SubmitFailed(message) from error


def send_items(pairs: Sequence[tuple[int, int]]) -> None:
    """Hand claimed items to the broker.

    Raises:
        BrokerRefused: It did not take one of them; those before it have gone.
    """
    queue = options.CELERY_QUEUES["items"]
    try:
        for item_id, token in pairs:
            execute_item.apply_async(args=(item_id, token), queue=queue)
    except Exception as error:
        counts.add("item", "handover", "refused", len(pairs))
        message = f"The broker did not take {len(pairs)} items: {error}"
        raise BrokerRefused(message) from error


def send_task(
    name: str, kwargs: dict[str, JSON], queue: str | None, task_id: str
) -> None:
    """Send a task of the project by name, for actions of kind `task`."""
    current_app.send_task(name, kwargs=kwargs, queue=queue, task_id=task_id)


def executor() -> Executor:
    """Return what carries out items in a Celery worker."""
    return Executor(clock.SYSTEM, send=send_items, send_task=send_task)


@shared_task(name=f"{_NAME}.process_event", ignore_result=True, acks_late=True)
def process_event(message: Any = None) -> None:
    """Judge one event."""
    _process([message])


@shared_task(name=f"{_NAME}.process_events", ignore_result=True, acks_late=True)
def process_events(messages: Any = None) -> None:
    """Judge a batch of events."""
    _process(messages if isinstance(messages, list) else [messages])


def _process(messages: Sequence[Any]) -> None:
    """Judge what can be read; what cannot be judged now becomes items.

    These are tried again after a while, each alone, and end as dead letters: one event
    that fails every time neither takes its batch along nor goes round for ever.
    """
    events = [event for event in map(_read, messages) if event is not None]
    try:
        process(events, DatabaseLedger(send_items), clock.now())
    except Exception:
        logger.exception(
            "Events could not be judged and become items.",
            extra={"action": "process_events", "events": len(events)},
        )
        _keep(events)


def _keep(events: Sequence[Event]) -> None:
    """Write events as items; with the database away the message goes back to its queue."""
    try:
        enqueue_events(events, clock.now(), None)
    except DatabaseError as error:
        logger.exception(
            "Events could not be kept and go back to the broker.",
            extra={"action": "keep_events", "events": len(events)},
        )
        clock.pause(REQUEUE_PAUSE_SECONDS)
        raise Reject(error, requeue=True) from error


def _read(message: Any) -> Event | None:
    """Return the event of a message; one that cannot be read is logged and acknowledged."""
    try:
        return from_message(message)
    except ValueError:
        logger.exception(
            "A message is not an event and is dropped.", extra={"action": "read_event"}
        )
        return None


@shared_task(name=f"{_NAME}.execute_item", ignore_result=True, acks_late=True)
def execute_item(item_id: Any = None, token: Any = None) -> None:
    """Carry out one item, if this token is still its claim."""
    if _is_number(item_id) and _is_number(token):
        executor().execute([(item_id, token)])
        return
    logger.error(
        "A message is not the claim of an item and is dropped.",
        extra={"action": "read_claim", "claim": repr((item_id, token))[:200]},
    )


def _is_number(value: Any) -> bool:
    """Whether this can be an id or a token: a bool is no number, nor is what no column holds."""
    return type(value) is int and 0 < value <= BigIntegerField.MAX_BIGINT
