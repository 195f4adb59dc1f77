"""Tasks: the way through Celery, and what lives beside its workers.

The only package that knows Celery. What is not known here: what events and items mean.
"""

from workflow_engine.tasks.facts import (
    CeleryFacts,
    celery_facts,
    has_broker,
    uses_celery,
)
from workflow_engine.tasks.messages import (
    REQUEUE_PAUSE_SECONDS,
    execute_item,
    executor,
    process_event,
    process_events,
    send_events,
    send_items,
    send_task,
)
from workflow_engine.tasks.worker import flush, refuse_settings

__all__ = [
    "REQUEUE_PAUSE_SECONDS",
    "CeleryFacts",
    "celery_facts",
    "execute_item",
    "executor",
    "flush",
    "has_broker",
    "process_event",
    "process_events",
    "refuse_settings",
    "send_events",
    "send_items",
    "send_task",
    "uses_celery",
]
