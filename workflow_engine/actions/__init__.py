"""Actions: how a firing reaches the outside, by e-mail, webhook, log or task.

The built-in kinds are registered when this package is imported.

What is not known here: rows, the queue, retries, who decided, who keeps the delivery.
"""

from workflow_engine.actions import email, log, task, webhook
from workflow_engine.actions.attempts import perform, rehearse
from workflow_engine.actions.base import (
    Attempt,
    Delivery,
    Firing,
    Prepared,
    SendTask,
    register_action,
)
from workflow_engine.actions.templates import Escape, compile_template

__all__ = [
    "Attempt",
    "Delivery",
    "Escape",
    "Firing",
    "Prepared",
    "SendTask",
    "compile_template",
    "email",
    "log",
    "perform",
    "register_action",
    "rehearse",
    "task",
    "webhook",
]
