"""Cancels, and what else people do to items. Lines 12, 13, 17 and 18 of the transitions."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from workflow_engine.conf import options
from workflow_engine.exceptions import InvalidItem
from workflow_engine.models import ItemState, WorkItem
from workflow_engine.queue.store.draft import check_due
from workflow_engine.queue.store.finished import tell_finished
from workflow_engine.queue.store.statement import Transition, item_connection
from workflow_engine.queue.store.states import ENDED, LET_GO


class Cancellation(StrEnum):
    """What became of a wish to cancel."""

    CANCELLED = "cancelled"  # it will not run
    REQUESTED = "requested"  # it is running: told to stop, and not run again
    TOO_LATE = "too_late"  # it was done, cancelled or dead before
    UNKNOWN = "unknown"  # there is no such item


_RUNS: Final = "CASE WHEN state = 'running' THEN {} ELSE {} END"

_CANCEL: Final = Transition(
    guard="state IN ('scheduled', 'sent', 'running')",
    sets={
        "state": _RUNS.format("state", "'cancelled'"),
        "cancel_requested_at": _RUNS.format(
            "COALESCE(cancel_requested_at, %(now)s)", "cancel_requested_at"
        ),
        "lease_ends_at": _RUNS.format("lease_ends_at", "NULL"),
        "worker": _RUNS.format("worker", "''"),
        "finished_at": _RUNS.format("NULL", "%(now)s"),
        "payload": _RUNS.format("payload", "{lean}"),
    },
    returning=ENDED,
)

_RESCHEDULE: Final = Transition(
    guard="state = 'scheduled'",
    sets={"due_at": "given_due_at"},
    returning=("due_at",),
)

_RETRY: Final = Transition(
    guard="state = 'dead'",
    sets={
        **LET_GO,
        "state": "'scheduled'",
        "token": "token + 1",
        "attempts": "0",
        "due_at": "%(now)s",
        "finished_at": "NULL",
    },
    returning=("token",),
)


def cancel(item_id: int, *, now: datetime) -> Cancellation:
    """Cancel an item, in the caller's transaction if there is one, and say what became of it.

    One that runs is told to stop; it may finish first. A second wish changes nothing.
    """
    rows = _CANCEL.of([{"id": item_id}], now=now)
    if rows:
        return _cancellations(rows)[item_id]
    is_known = WorkItem.objects.using(options.DATABASE).filter(pk=item_id).exists()
    return Cancellation.TOO_LATE if is_known else Cancellation.UNKNOWN


def cancel_where(
    *,
    now: datetime,
    kind: str | None = None,
    subject: str | None = None,
    key: str | None = None,
    firings: Collection[uuid.UUID] | None = None,
) -> dict[int, Cancellation]:
    """Cancel every live item that has all that is named; return what became of each.

    One statement, whatever the number. Items that have ended are not in the answer.
    """
    parameters: dict[str, Any] = {"kind": kind, "subject": subject, "key": key}
    parameters = {name: text for name, text in parameters.items() if text is not None}
    wanted = [f'"{name}" = %({name})s' for name in parameters]
    if firings is not None:
        named = {f"firing_{n}": firing for n, firing in enumerate(firings)}
        if not named:
            return {}
        parameters |= {name: _firing(value) for name, value in named.items()}
        wanted.append(f"firing_id IN ({', '.join(f'%({name})s' for name in named)})")
    if not wanted:
        raise InvalidItem("kind", "or subject, key or firings must say what to cancel")
    return _cancellations(_CANCEL.where(" AND ".join(wanted), now=now, **parameters))


def reschedule(item_id: int, *, now: datetime, due_at: datetime) -> bool:
    """Move an item that is scheduled and say whether it was."""
    check_due(due_at, now=now)
    return bool(_RESCHEDULE.of([{"id": item_id, "due_at": due_at}]))


def retry(item_ids: Collection[int], *, now: datetime) -> list[int]:
    """Give dead items all their attempts again, due now; return those that were dead."""
    rows = _RETRY.of([{"id": item_id} for item_id in item_ids], now=now)
    return sorted(row.pk for row in rows)


def _cancellations(rows: list[WorkItem]) -> dict[int, Cancellation]:
    return {
        item_id: Cancellation.REQUESTED
        if state is ItemState.RUNNING
        else Cancellation.CANCELLED
        for item_id, state in tell_finished(rows).items()
    }


def _firing(value: uuid.UUID) -> Any:
    field = WorkItem._meta.get_field("firing").target_field
    return field.get_db_prep_value(value, item_connection())
