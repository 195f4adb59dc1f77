"""Finished: who is told that an item reached its end, after the commit, exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from django.db import transaction

from workflow_engine.conf import options
from workflow_engine.models import ItemState, WorkItem
from workflow_engine.models.work_item import TERMINAL_STATES
from workflow_engine.queue.store.statement import item_connection
from workflow_engine.signals import item_finished


def tell_finished(rows: Sequence[WorkItem]) -> dict[int, ItemState]:
    """Return the states by id; listeners hear of the ends among them after the commit.

    The rows are those an UPDATE has just returned, which makes each end the news of one
    call. With autocommit switched off there is no word of the commit, and no signal.
    """
    ended = [(row.pk, row.state, row.kind) for row in rows if _has_ended(row)]
    connection = item_connection()
    if ended and (connection.in_atomic_block or connection.get_autocommit()):
        transaction.on_commit(
            partial(_send, ended), using=options.DATABASE, robust=True
        )
    return {row.pk: ItemState(row.state) for row in rows}


def _has_ended(row: WorkItem) -> bool:
    return row.state in TERMINAL_STATES


def _send(ended: Sequence[tuple[int, str, str]]) -> None:
    for item_id, state, kind in ended:
        # Django logs a listener that raises; the others are called all the same.
        item_finished.send_robust(WorkItem, item_id=item_id, state=state, kind=kind)
