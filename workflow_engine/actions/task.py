"""Task: an action that sends a task of the project to its broker.

Only tasks named in TASK_ACTIONS: a rule in the database must not reach every task there is.
The sender is handed in with the firing; success means that the broker took the task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from workflow_engine.actions.base import (
    Delivery,
    Firing,
    Prepared,
    SendTask,
    register_action,
)
from workflow_engine.actions.trees import Tree, tree_problems
from workflow_engine.conf import options
from workflow_engine.exceptions import Permanent
from workflow_engine.types.event import JSON

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Task",
    "description": "A Celery task of this project, with the firing's uuid as its id.",
    "properties": {
        "task": {
            "type": "string",
            "title": "Task",
            "description": "Dotted name, one of TASK_ACTIONS.",
            "minLength": 1,
            "maxLength": 255,
        },
        "kwargs": {
            "type": "object",
            "title": "Arguments",
            "description": "Keyword arguments; the strings in them are templates.",
            "default": {},
        },
        "queue": {
            "type": "string",
            "title": "Queue",
            "description": "Without it, the queue the project routes the task to.",
            "minLength": 1,
            "maxLength": 255,
        },
    },
    "required": ["task"],
    "additionalProperties": False,
}


def problems(config: Any) -> list[str]:
    """Return what the schema cannot say of a configuration; asks TASK_ACTIONS as it is now."""
    found = []
    if config["task"] not in options.TASK_ACTIONS:
        found = [f"task: '{config['task']}' is not in TASK_ACTIONS; add it there"]
    return found + tree_problems("kwargs", config.get("kwargs", {}))


@dataclass(frozen=True, kw_only=True)
class PreparedTask(Prepared):
    """A task that is rendered and not yet sent."""

    name: str
    kwargs: dict[str, JSON]
    queue: str | None
    task_id: str
    send_task: SendTask | None


class Task:
    """The kind `task`."""

    def prepare(self, firing: Firing, config: Any) -> PreparedTask:
        """Return the task with its arguments."""
        name, queue = config["task"], config.get("queue")
        given = config.get("kwargs", {})
        kept = Tree(firing.kept).render(given)
        asked = {"task": name, "kwargs": kept, "queue": queue, "id": firing.uuid}
        return PreparedTask(
            delivery=Delivery(endpoint=name, request=asked),
            name=name,
            kwargs=Tree(firing).render(given),
            queue=queue,
            task_id=firing.uuid,
            send_task=firing.send_task,
        )

    def send(self, prepared: PreparedTask) -> None:
        """Send the task; what the broker raises goes through, and means a retry.

        Raises:
            Permanent: This process has nothing to send tasks with.
        """
        if prepared.send_task is None:
            raise Permanent("This process cannot send tasks; configure Celery.")
        prepared.send_task(
            prepared.name,
            kwargs=prepared.kwargs,
            queue=prepared.queue,
            task_id=prepared.task_id,
        )


register_action("task", schema=SCHEMA, label="Task", check=problems)(Task)
