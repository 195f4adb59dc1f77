"""Hands: items carried out in the process of a command."""

from __future__ import annotations

from collections.abc import Sequence

from workflow_engine import clock, tasks
from workflow_engine.actions import SendTask
from workflow_engine.processing.execution import Executor
from workflow_engine.queue import Pair


def task_sender() -> SendTask | None:
    """Return what sends the tasks of actions; None where there is no broker."""
    return tasks.send_task if tasks.has_broker() else None


def carry_out(pairs: Sequence[Pair]) -> None:
    """Carry out claimed items in this thread, and what follows from them at once."""
    Executor(clock.SYSTEM, send=carry_out, send_task=task_sender()).execute(pairs)
