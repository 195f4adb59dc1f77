"""Results: how a run ends. Lines 7, 8, 10 and 14 to 16 of the table of transitions.

Each answers with the state the item has now, or None when it is not the caller's any more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import random as chance
from typing import Any, Final

from workflow_engine.models import ItemState
from workflow_engine.queue.backoff import delay_seconds
from workflow_engine.queue.store.claims import Pair
from workflow_engine.queue.store.draft import check_due, json_bytes
from workflow_engine.queue.store.failure import Failure, failure_of
from workflow_engine.queue.store.finished import tell_finished
from workflow_engine.queue.store.statement import Transition, as_json
from workflow_engine.queue.store.states import (
    AFTER_FAILURE,
    ENDED,
    UNLESS_CANCELLED,
    if_scheduled,
    moving_to,
)

RESULT_BYTES: Final = 4096

logger = logging.getLogger(__name__)

_MINE: Final = "state = 'running' AND token = given_token"


@dataclass(frozen=True, kw_only=True)
class Done:
    """A run that came to its end.

    Attributes:
        id: The item.
        token: The claim it was begun under.
        attempt: Number of the begin.
        result: Small plain JSON data, or None.
    """

    id: int
    token: int
    attempt: int
    result: Any = None


# Scheduled: its lease lapsed, but nobody else was given it, so a second run is spared.
_FINISH: Final = Transition(
    guard=(
        "state IN ('running', 'scheduled') AND token = given_token"
        " AND attempts = given_attempt AND attempts >= 1"
    ),
    sets={
        **moving_to("'done'"),
        "result": "NULLIF(given_result, %(null)s)",
    },
    returning=ENDED,
)

_RELEASE: Final = Transition(
    guard=f"{_MINE} AND attempts = given_attempt",
    sets={
        **moving_to(AFTER_FAILURE),
        "due_at": if_scheduled(AFTER_FAILURE, "given_due_at", "due_at"),
        "error_class": "%(error_class)s",
        "error": "%(error)s",
    },
    returning=ENDED,
)

_GIVE_UP: Final = Transition(
    guard=_MINE,
    sets={
        **moving_to(
            "CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE 'dead' END"
        ),
        "error_class": "%(error_class)s",
        "error": "%(error)s",
    },
    returning=ENDED,
)

_INTERRUPT: Final = Transition(
    guard=_MINE,
    sets={
        **moving_to(UNLESS_CANCELLED),
        "due_at": if_scheduled(UNLESS_CANCELLED, "%(now)s", "due_at"),
        "attempts": if_scheduled(UNLESS_CANCELLED, "attempts - 1", "attempts"),
    },
    returning=ENDED,
)

_PUT_OFF: Final = Transition(
    guard=_MINE,
    sets={
        **moving_to(UNLESS_CANCELLED),
        "due_at": if_scheduled(UNLESS_CANCELLED, "given_due_at", "due_at"),
        "attempts": if_scheduled(
            UNLESS_CANCELLED,
            "CASE given_resets WHEN 1 THEN 0 ELSE attempts - 1 END",
            "attempts",
        ),
    },
    returning=ENDED,
)


def finish_many(done: Sequence[Done], *, now: datetime) -> set[Pair]:
    """Write the results of runs; return those whose result counts. One statement.

    A result that is not plain JSON, or longer than 4 KiB, is dropped with a warning: the
    item is done all the same, since running it again would repeat what it did.
    """
    given = [
        {
            "id": one.id,
            "token": one.token,
            "attempt": one.attempt,
            "result": as_json(_kept_result(one)),
        }
        for one in done
    ]
    rows = _FINISH.of(given, now=now, null=as_json(None))
    tell_finished(rows)
    return {(row.pk, row.token) for row in rows}


def finish(
    item_id: int, token: int, attempt: int, *, now: datetime, result: Any = None
) -> bool:
    """Write the result of one run and say whether it counts; see `finish_many`.

    False: the item is somebody else's by now, who decides.
    """
    done = Done(id=item_id, token=token, attempt=attempt, result=result)
    return bool(finish_many([done], now=now))


def release(  # noqa: PLR0913 - the item in three numbers, then what is said of it
    item_id: int,
    token: int,
    attempt: int,
    *,
    now: datetime,
    error: BaseException | Failure,
    due_at: datetime | None = None,
    random: Callable[[], float] = chance,
) -> ItemState | None:
    """End a run that failed: cancelled if that is wished, dead after the last attempt.

    Else scheduled again at `due_at`; None = after the back-off.
    """
    if due_at is None:
        due_at = now + timedelta(seconds=delay_seconds(attempt, random))
    check_due(due_at, now=now)
    given = {"id": item_id, "token": token, "attempt": attempt, "due_at": due_at}
    return tell_finished(_RELEASE.of([given], now=now, **_kept(error))).get(item_id)


def give_up(
    item_id: int, token: int, *, now: datetime, error: BaseException | Failure
) -> ItemState | None:
    """End a run that no later attempt can mend: dead, or cancelled if that is wished."""
    given = {"id": item_id, "token": token}
    return tell_finished(_GIVE_UP.of([given], now=now, **_kept(error))).get(item_id)


def interrupt(pairs: Sequence[Pair], *, now: datetime) -> dict[int, ItemState]:
    """Give back runs that were stopped: due now, the attempt not counted.

    One that shall be cancelled is cancelled. Returns the new states by id.
    """
    given = [{"id": item_id, "token": token} for item_id, token in pairs]
    return tell_finished(_INTERRUPT.of(given, now=now))


def put_off(
    item_id: int,
    token: int,
    *,
    now: datetime,
    due_at: datetime,
    resets_attempts: bool = False,
) -> ItemState | None:
    """Schedule a run that did not fail for later; cancelled if that is wished.

    The attempt is given back. `resets_attempts`: the run did what it had to and waits on,
    so all attempts are given back.
    """
    check_due(due_at, now=now)
    given = {
        "id": item_id,
        "token": token,
        "due_at": due_at,
        "resets": int(resets_attempts),
    }
    return tell_finished(_PUT_OFF.of([given], now=now)).get(item_id)


def _kept(error: BaseException | Failure) -> dict[str, str]:
    kept = error if isinstance(error, Failure) else failure_of(error)
    return {"error_class": kept.error_class, "error": kept.error}


def _kept_result(done: Done) -> Any:
    try:
        if json_bytes(done.result) <= RESULT_BYTES:
            return done.result
        problem = f"longer than {RESULT_BYTES} bytes of JSON"
    except ValueError as error:
        problem = str(error)
    logger.warning(
        "The result of an item is dropped; the item is done.",
        extra={"item_id": done.id, "problem": problem},
    )
    return None
