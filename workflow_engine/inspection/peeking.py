"""Peeking: one entry, as the cache and as the database have it; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from workflow_engine import clock
from workflow_engine.caches.coherence import Coherence
from workflow_engine.caches.coherence.base import CellState, NearState, Peeked
from workflow_engine.conf import options
from workflow_engine.inspection.keys import AnyQuestion, text_of
from workflow_engine.processing.redact import REDACTED, leads_to_secret, redact
from workflow_engine.types.event import JSON
from workflow_engine.types.instants import instant_text
from workflow_engine.types.spans import span_text

NOTHING: Final = "-"
DIFFERENT: Final = "DIFFERENT"

_REASONS: Final = {
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


def look(coherence: Coherence, question: AnyQuestion, key: Any) -> Look:
    """Look at an entry; once more after the grace period where the sides differ.

    Raises:
        CacheUnavailable: The server does not answer.
    """
    first = _look(coherence, question, key, was_repeated=False)
    if not first.is_different:
        return first
    clock.pause(options.CACHE_VERIFY_GRACE_SECONDS)
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
    cached = _flat(one.seen.answers[0]) if one.seen.answers else {}
    loaded = _flat(one.loaded)
    names = list(dict.fromkeys((*loaded, *cached)))
    width = max(len(name) for name in names)
    rows = [(name, cached.get(name), loaded.get(name)) for name in names]
    side = max(len("cache says"), *(len(_text(name, there)) for name, there, _ in rows))
    yield f"  {''.ljust(width)}  {'cache says'.ljust(side)}  database says"
    for name, there, here in rows:
        mark = f"  {DIFFERENT}" if one.seen.answers and there != here else ""
        shown = _text(name, there).ljust(side)
        yield f"  {name.ljust(width)}  {shown}  {_text(name, here)}{mark}"
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
        "filled_at": None if seen.filled_at_ms is None else _moment(seen.filled_at_ms),
        "life_left_ms": seen.life_left_ms,
        "is_cached": bool(seen.answers),
        "cache": _plain(seen.answers[0]) if seen.answers else None,
        "database": _plain(one.loaded),
        "is_different": one.is_different,
        "was_repeated": one.was_repeated,
    }


def _state(seen: Peeked, *, is_shared: bool, now: datetime) -> Iterator[str]:
    if not is_shared:
        yield "without Redis each process keeps its own entries"
        yield f"here: {'nothing' if seen.state is CellState.ABSENT else seen.state}"
        return
    yield f"cell: {seen.state}"
    if seen.state is CellState.UNUSABLE:
        yield _REASONS.get(seen.reason, seen.reason)
    if seen.nonce:
        yield f"nonce {seen.nonce[:8]}"
    if seen.state is CellState.VALUE:
        yield "schema current"
    if seen.filled_at_ms is not None:
        age = now.timestamp() - seen.filled_at_ms / 1000
        yield f"filled {span_text(max(0.0, age))} ago"
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


def _moment(milliseconds: int) -> str:
    return instant_text(datetime.fromtimestamp(milliseconds / 1000, tz=UTC))


def _plain(answer: Any) -> JSON:
    return redact(_named(answer))


def _named(answer: Any) -> Any:
    """Return plain values with the names that an answer's fields have in the code."""
    if isinstance(answer, msgspec.Struct):
        fields = {
            name: _named(item) for name, item in msgspec.structs.asdict(answer).items()
        }
        return fields or type(answer).__name__.lower()
    if isinstance(answer, list | tuple):
        return [_named(item) for item in answer]
    return msgspec.to_builtins(answer)


def _flat(answer: Any) -> dict[str, Any]:
    """Return the answer as paths and plain values; secrets are still in them."""
    named = _named(answer)
    return dict(_walk("", named)) if isinstance(named, dict) else {"answer": named}


def _walk(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        inner = ((str(name), item) for name, item in value.items())
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        inner = ((str(place), item) for place, item in enumerate(value))
    else:
        yield path, value
        return
    for name, item in inner:
        yield from _walk(f"{path}.{name}" if path else name, item)


def _text(path: str, value: Any) -> str:
    if value is None:
        return NOTHING
    if leads_to_secret(path):
        return REDACTED
    return msgspec.json.encode(redact(value)).decode()
