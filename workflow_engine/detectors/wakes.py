"""Wake: the moment at which a kind wants to be asked again, kept in the memory of its state.

One wake is on its way for a subject at a time, and it is not moved once it is. The memory
says until when there is nothing to ask for; a wake that should have come and did not was
lost, and is asked for again. A detector that is off when a wake comes is asked later, and
its state says so: it heard nothing meanwhile, so that silence proves nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from workflow_engine.types.detection import State
from workflow_engine.types.instants import instant_text, parse_instant

_PAUSED: Final = "paused"


def wake_of(state: State) -> datetime | None:
    """Return the moment last asked for; None when there was none."""
    due = state.memory.get("due")
    return parse_instant(due) if due else None


def wake_anew(state: State, due_at: datetime) -> State:
    """Ask to be woken at `due_at`: nothing is on its way."""
    waiting = resume(state).remember(due=instant_text(due_at))
    return waiting.replace(wake_at=due_at)


def wake_once(state: State, due_at: datetime, now: datetime) -> State:
    """Ask to be woken at `due_at` unless a wake is on its way."""
    on_its_way_until = wake_of(state)
    if on_its_way_until is not None and now <= on_its_way_until:
        return state
    return wake_anew(state, due_at)


def pause(state: State) -> State:
    """Note that a wake came while the detector was off."""
    return state.remember(**{_PAUSED: True})


def is_paused(state: State) -> bool:
    """Say whether the last wake came while the detector was off."""
    return _PAUSED in state.memory


def resume(state: State) -> State:
    """Return a state without the note of a pause."""
    memory = {name: kept for name, kept in state.memory.items() if name != _PAUSED}
    return state.replace(memory=memory)
