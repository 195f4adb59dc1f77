"""Peeking: look at one entry as a look-up would, and change nothing."""

from __future__ import annotations

from typing import Any, Final

from workflow_engine.caches.cell import (
    NONCE_BYTES,
    PERMIT_BYTES,
    filled_at_ms,
)
from workflow_engine.caches.coherence.base import CellState, NearState, Peeked
from workflow_engine.caches.coherence.place import Place
from workflow_engine.caches.coherence.reading import PERMITTED, Reading
from workflow_engine.caches.near import Near
from workflow_engine.caches.stores.base import CellStore, Reply

_STATES: Final = {
    "": CellState.VALUE,
    "absent": CellState.ABSENT,
    PERMITTED: CellState.PERMIT,
}


def peek(place: Place[Any, Any], store: CellStore, near: Near, key: Any) -> Peeked:
    """Return what is known of one entry."""
    reply = store.read([place.generation, place.name(key)])
    generation, cell = reply.cells
    reading: Reading[Any, Any] = Reading(place, store, near)
    reading.judge([key], Reply(reply.incarnation, [cell]))
    why = reading.missing.get(key, "")
    state = _STATES.get(why, CellState.UNUSABLE)
    tag = (reply.incarnation, generation, place.question.codec.schema)
    near_state, answers = _near(place, key, tag, cell or b"")
    nonce = (cell or b"")[PERMIT_BYTES - NONCE_BYTES : PERMIT_BYTES]
    return Peeked(
        state=state,
        reason=why if state is CellState.UNUSABLE else "",
        near=near_state,
        nonce=nonce.hex() if state in {CellState.VALUE, CellState.PERMIT} else "",
        filled_at_ms=filled_at_ms(cell or b"") if state is CellState.VALUE else None,
        life_left_ms=store.life_left_ms(place.name(key)),
        answers=answers or tuple(reading.answers.values()),
    )


def _near(
    place: Place[Any, Any],
    key: Any,
    tag: tuple[bytes, bytes | None, bytes],
    cell: bytes,
) -> tuple[NearState, tuple[Any, ...]]:
    """Return the state of the copy here, and the answer it gives by itself, if it stands."""
    standing = place.near.standing
    if standing.tag == tag and key in standing.values:
        return NearState.STANDS, (standing.values[key],)
    copy = place.near.copies.get(key)
    if copy is None:
        return NearState.NONE, ()
    return (NearState.SAME if cell.startswith(copy.header) else NearState.OTHER), ()
