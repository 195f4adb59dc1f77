"""Peeking: one entry, as the cache and as the database have it; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Any, Final

from workflow_engine import clock
from workflow_engine.caches.coherence import Coherence
from workflow_engine.caches.coherence.base import CellState, NearState, Peeked
from workflow_engine.caches.mapping import text_of
from workflow_engine.conf import options
from workflow_engine.inspection.keys import AnyQuestion
from workflow_engine.inspection.sides import fields, plain, value_text
from workflow_engine.types.event import JSON
from workflow_engine.types.instants import instant_text
from workflow_engine.types.spans import span_text

DIFFERENT: Final = "DIFFERENT"

REASONS: Final = {
    "schema": "filled by another version of the app, or with other handlers",
    "incarnation": "filled before the server was started anew or exchanged",
    "undecodable": "not bytes of this app",
}
_NEAR: Final = {
    NearState.NONE: "none",
    NearState.STANDS: "stands",
    NearState.SAME: "of this filling",
    NearState.OTHER: "of another filling",
}

#: Of a nonce; enough to tell two fillings apart.
NONCE_DIGITS: Final = 8


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at an entry from both sides.

    Attributes:
        access: Name of the access.
        key: As people type it.
        seen: What is known of the cell.
        loaded: What the database says.
        was_repeated: Whether there was a difference before, after which time was given
            to a writer to forget.
    """

    access: str
    key: str
    seen: Peeked
    loaded: Any
    was_repeated: bool

    @property
    def is_different(self) -> bool:
        """Whether the cache would answer something else than the database."""
        return bool(self.seen.answers) and self.seen.answers != (self.loaded,)


def look(
    coherence: Coherence,
    question: AnyQuestion,
    key: Any,
    *,
    most_wait_seconds: float = inf,
) -> Look:
    """Look at an entry; once more after the grace period where the sides differ.

    Not once more where the grace period is longer than `most_wait_seconds`.

    Raises:
        CacheUnavailable: The server does not answer.
    """
    first = _look(coherence, question, key, was_repeated=False)
    grace_seconds = options.CACHE_VERIFY_GRACE_SECONDS
    if not first.is_different or grace_seconds > most_wait_seconds:
        return first
    clock.pause(grace_seconds)
    return _look(coherence, question, key, was_repeated=True)


def _look(
    coherence: Coherence, question: AnyQuestion, key: Any, *, was_repeated: bool
) -> Look:
    seen = coherence.peek(question, key)
    return Look(
        access=question.name,
        key=text_of(key),
        seen=seen,
        loaded=question.load([key])[key],
        was_repeated=was_repeated,
    )


def lines(one: Look, *, is_shared: bool, now: datetime) -> Iterator[str]:
    """Yield what people read; `is_shared`: whether entries are in Redis."""
    yield f"{one.access} / {one.key}"
    yield "  " + " · ".join(_state(one.seen, is_shared=is_shared, now=now))
    rows = fields(one.seen.answers, one.loaded)
    width = max(len(row.path) for row in rows)
    side = max(len("cache says"), *(len(value_text(row.cached)) for row in rows))
    yield f"  {''.ljust(width)}  {'cache says'.ljust(side)}  database says"
    for row in rows:
        mark = f"  {DIFFERENT}" if row.is_different else ""
        shown = value_text(row.cached).ljust(side)
        yield f"  {row.path.ljust(width)}  {shown}  {value_text(row.loaded)}{mark}"
    yield _verdict(one)


def json(one: Look, *, is_shared: bool) -> JSON:
    """Return it as one JSON value."""
    seen = one.seen
    return {
        "access": one.access,
        "key": one.key,
        "store": "redis" if is_shared else "process",
        "state": seen.state,
        "reason": seen.reason,
        "near": seen.near,
        "nonce": seen.nonce,
        "filled_at": None if (at := filled_at(seen)) is None else instant_text(at),
        "life_left_ms": seen.life_left_ms,
        "is_cached": bool(seen.answers),
        "cache": plain(seen.answers[0]) if seen.answers else None,
        "database": plain(one.loaded),
        "is_different": one.is_different,
        "was_repeated": one.was_repeated,
    }


def filled_at(seen: Peeked) -> datetime | None:
    """Return when an entry was filled; None: it is not known, or there is none."""
    if seen.filled_at_ms is None:
        return None
    return datetime.fromtimestamp(seen.filled_at_ms / 1000, tz=UTC)


def age_seconds(seen: Peeked, now: datetime) -> float | None:
    """Return how long ago an entry was filled, as far as clocks agree."""
    at = filled_at(seen)
    return None if at is None else max(0.0, (now - at).total_seconds())


def _state(seen: Peeked, *, is_shared: bool, now: datetime) -> Iterator[str]:
    if not is_shared:
        yield "without Redis each process keeps its own entries"
        yield f"here: {'nothing' if seen.state is CellState.ABSENT else seen.state}"
        return
    yield f"cell: {seen.state}"
    if seen.state is CellState.UNUSABLE:
        yield REASONS.get(seen.reason, seen.reason)
    if seen.nonce:
        yield f"nonce {seen.nonce[:NONCE_DIGITS]}"
    if seen.state is CellState.VALUE:
        yield "schema current"
    age = age_seconds(seen, now)
    if age is not None:
        yield f"filled {span_text(age)} ago"
    if seen.life_left_ms is not None:
        yield f"life left {span_text(seen.life_left_ms / 1000)}"
    yield f"near copy here: {_NEAR[seen.near]}"


def _verdict(one: Look) -> str:
    if not one.seen.answers:
        return "nothing is cached that would be answered: the next look-up asks the database"
    if one.is_different:
        seconds = options.CACHE_VERIFY_GRACE_SECONDS
        return f"{DIFFERENT}, checked again after {seconds} s: still different"
    if one.was_repeated:
        return "different at first; equal when checked again: a write was under way"
    return "equal"
