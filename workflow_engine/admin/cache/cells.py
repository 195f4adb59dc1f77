"""Cell: what is known of one entry, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from workflow_engine.admin.moments import EMPTY, duration, moment
from workflow_engine.caches.coherence.base import CellState, NearState, Peeked
from workflow_engine.caches.look_up import mode_of
from workflow_engine.inspection.peeking import NONCE_DIGITS, age_seconds, filled_at

STATES: Final = {
    CellState.ABSENT: gettext_lazy("absent: the next look-up asks the database"),
    CellState.PERMIT: gettext_lazy("permit: a reader is filling it at this moment"),
    CellState.VALUE: gettext_lazy("value: it answers look-ups"),
    CellState.UNUSABLE: gettext_lazy("unusable: it answers nothing"),
}
REASONS: Final = {
    "schema": gettext_lazy(
        "filled by another version of the app, or with other handlers"
    ),
    "incarnation": gettext_lazy(
        "filled before the server was started anew or exchanged"
    ),
    "undecodable": gettext_lazy("not bytes of this app"),
}
NEAR: Final = {
    NearState.NONE: gettext_lazy("none"),
    NearState.STANDS: gettext_lazy("stands: it answers without the cell"),
    NearState.SAME: gettext_lazy("of this filling: compared before it is used"),
    NearState.OTHER: gettext_lazy("of another filling: it is not used"),
}
MODES: Final = {
    "enabled": gettext_lazy("enabled"),
    "shadow": gettext_lazy("shadow: the cache runs, the database answers"),
    "disabled": gettext_lazy("disabled: the database answers"),
}


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing known of an entry.

    Attributes:
        name: For programs.
        label: For people.
        text: In words, or as an element.
        code: The state behind the words, for programs.
    """

    name: str
    label: str
    text: Any
    code: str = ""


def short(state: CellState | None) -> str:
    """Return the one word of a state; "-" = nobody looked."""
    return EMPTY if state is None else state.value


def cell_facts(access: str, seen: Peeked, now: datetime) -> Iterator[Fact]:
    """Yield what is known of a cell in Redis."""
    state = str(STATES[seen.state])
    if seen.state is CellState.UNUSABLE:
        state = f"{state} ({REASONS.get(seen.reason, seen.reason)})"
    yield Fact(name="state", label=_("Cell"), text=state, code=seen.state)
    nonce = f"{seen.nonce[:NONCE_DIGITS]}…" if seen.nonce else EMPTY
    yield Fact(name="nonce", label=_("Nonce"), text=nonce)
    schema = {"schema": _("of another version")}.get(seen.reason, EMPTY)
    if seen.state is CellState.VALUE:
        schema = _("current")
    yield Fact(name="schema", label=_("Schema"), text=schema)
    yield Fact(name="filled", label=_("Filled"), text=_filled(seen, now))
    life = EMPTY
    if seen.life_left_ms is not None:
        life = duration(seen.life_left_ms // 1000)
    yield Fact(name="life", label=_("Life left"), text=life)
    near = str(NEAR[seen.near])
    yield Fact(name="near", label=_("Near copy here"), text=near, code=seen.near)
    yield mode_fact(access)


def process_facts(access: str, seen: Peeked) -> Iterator[Fact]:
    """Yield what is known of an entry without Redis, in this process alone."""
    is_there = seen.state is CellState.VALUE
    yield Fact(
        name="state",
        label=_("In this process"),
        text=_("value: it answers look-ups") if is_there else _("nothing"),
        code=seen.state,
    )
    yield Fact(
        name="nonce",
        label=_("Vouched for by"),
        text=_("number %(number)d in the database") % {"number": int(seen.nonce, 16)}
        if seen.nonce
        else EMPTY,
    )
    yield mode_fact(access)


def mode_fact(access: str) -> Fact:
    """Return how look-ups of an access are answered."""
    mode = mode_of(access)
    return Fact(name="mode", label=_("Mode"), text=MODES.get(mode, mode), code=mode)


def _filled(seen: Peeked, now: datetime) -> str:
    age = age_seconds(seen, now)
    if age is None:
        return EMPTY
    ago = _("%(time)s ago") % {"time": duration(int(age))}
    return format_html("{} ({})", ago, moment(filled_at(seen)))
