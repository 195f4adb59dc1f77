"""Route: what a detector watches, an event type or a pattern of them, at one source or any."""

from __future__ import annotations

from typing import Final

from workflow_engine.types.snapshots import Route

EVERY_TYPE: Final = "*"
ANY_SOURCE: Final = ""
MAX_PREFIX_PARTS: Final = 8  # bounds the look-ups of one event to twenty routes

_PROBLEM: Final = "event type must be exact, 'a.b.*' or '*'"


def candidate_routes(event_type: str, source: str) -> tuple[Route, ...]:
    """Return every route on which a detector may watch this event, the narrowest first.

    They are its type, its dotted prefixes (the eight shortest) and `*`, each at its source
    and at any: at most twenty, each once.
    """
    prefixes = _prefixes(event_type)[:MAX_PREFIX_PARTS]
    patterns = [
        event_type,
        *(f"{prefix}.*" for prefix in reversed(prefixes)),
        EVERY_TYPE,
    ]
    found = ((pattern, at) for pattern in patterns for at in (source, ANY_SOURCE))
    return tuple(dict.fromkeys(found))


def _prefixes(event_type: str) -> list[str]:
    """Return what stands before each dot, the shortest first; nothing is no prefix."""
    dots = (place for place, character in enumerate(event_type) if character == ".")
    return [event_type[:dot] for dot in dots if dot]


def pattern_problem(event_type: str) -> str:
    """Return what is wrong with the event type of a detector; "" when it is fine.

    Right are an exact type, `a.b.*` with a prefix of at most eight parts, and `*`.
    """
    prefix = event_type.removesuffix(".*")
    parts = prefix.count(".") + 1 if prefix != event_type else 0
    is_right = prefix != "" and "*" not in prefix and parts <= MAX_PREFIX_PARTS
    return "" if is_right or event_type == EVERY_TYPE else _PROBLEM
