"""States: the parts of SQL that the transitions share."""

from __future__ import annotations

from typing import Final

#: Nobody's, as every item is that is neither sent nor running.
LET_GO: Final = {"lease_ends_at": "NULL", "worker": "''"}

#: How a failed run goes on: the wish to cancel first, then the attempts allowed.
AFTER_FAILURE: Final = (
    "CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled'"
    " WHEN attempts >= max_attempts THEN 'dead' ELSE 'scheduled' END"
)

#: How a run that did not fail goes on when it is to be repeated.
UNLESS_CANCELLED: Final = (
    "CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE 'scheduled' END"
)

#: What is returned of an item that may have reached its end.
ENDED: Final = ("state", "kind", "token")


def moving_to(state: str) -> dict[str, str]:
    """Return what is written with a new state, an SQL expression, when an item is let go.

    An item at its end says when; one done or cancelled loses its event.
    """
    return {
        **LET_GO,
        "state": state,
        "finished_at": (
            f"CASE WHEN {state} IN ('done', 'cancelled', 'dead')"
            " THEN %(now)s ELSE NULL END"
        ),
        "payload": (
            f"CASE WHEN {state} IN ('done', 'cancelled') THEN {{lean}} ELSE payload END"
        ),
    }


def if_scheduled(state: str, value: str, column: str) -> str:
    """Return `value` for a row that is scheduled by `state`, else what it has."""
    return f"CASE WHEN {state} = 'scheduled' THEN {value} ELSE {column} END"
