"""Hands: items carried out in the process of a command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from workflow_engine import clock, tasks
from workflow_engine.actions import SendTask
from workflow_engine.conf import options
from workflow_engine.models import ItemState, WorkItem
from workflow_engine.processing.execution import Executor
from workflow_engine.queue import Pair

_NOT_DONE: Final = (ItemState.SCHEDULED, ItemState.DEAD)
_AT_ONCE: Final = 500  # below every limit of parameters


def task_sender() -> SendTask | None:
    """Return what sends the tasks of actions; None where there is no broker."""
    return tasks.send_task if tasks.has_broker() else None


class Hands:
    """Carries out claimed items in this thread, and what follows from them at once.

    Attributes:
        began: Ids of the items.
    """

    def __init__(self) -> None:
        """Have begun nothing yet."""
        self.began: set[int] = set()

    def __call__(self, pairs: Sequence[Pair]) -> None:
        """Carry out; an item that fails stops no other."""
        self.began.update(item_id for item_id, _ in pairs)
        Executor(clock.SYSTEM, send=self, send_task=task_sender()).execute(pairs)

    def failed(self) -> int:
        """Return how many of the items have failed, for now or for good."""
        rows = WorkItem.objects.using(options.DATABASE).exclude(error_class="")
        rows = rows.filter(state__in=_NOT_DONE)
        ids = sorted(self.began)
        parts = (ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE))
        return sum(rows.filter(pk__in=part).count() for part in parts)


def carry_out(pairs: Sequence[Pair]) -> None:
    """Carry out claimed items in this thread, and what follows from them at once."""
    Hands()(pairs)
