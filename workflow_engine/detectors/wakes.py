"""Wake: the moment at which a kind wants to be asked again, kept in the memory of its state.

One wake is on its way for a subject at a time, and it is not moved once it is. The memory
says until when there is nothing to ask for; a wake that should have come and did not was
lost, as when the detector was off at that moment, and is asked for again.
"""

from __future__ import annotations

from datetime import datetime

from workflow_engine.types.detection import State
from workflow_engine.types.instants import instant_text, parse_instant


def wake_anew(state: State, due_at: datetime) -> State:
    """Ask to be woken at `due_at`: nothing is on its way."""
    return state.remember(due=instant_text(due_at)).replace(wake_at=due_at)


def wake_once(state: State, due_at: datetime, now: datetime) -> State:
    """Ask to be woken at `due_at` unless a wake is on its way."""
    due = state.memory.get("due")
    on_its_way_until = parse_instant(due) if due else None
    if on_its_way_until is not None and now <= on_its_way_until:
        return state
    return wake_anew(state, due_at)
