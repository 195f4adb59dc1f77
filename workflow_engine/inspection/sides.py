"""Sides: an answer as the cache and as the database have it, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from workflow_engine.processing.redact import REDACTED, leads_to_secret, redact
from workflow_engine.types.event import JSON

NOTHING: Final = "-"

#: The path of an answer that has no fields.
WHOLE: Final = "answer"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of both answers, without secrets.

    Attributes:
        path: What leads to it: "ifs.0.group.logic".
        cached: What the cache has there; None: nothing.
        loaded: What the database has there; None: nothing.
        is_different: Whether they differ, secret or not; False if nothing is cached.
    """

    path: str
    cached: JSON
    loaded: JSON
    is_different: bool


def fields(answers: tuple[Any, ...], loaded: Any) -> list[Field]:
    """Return every field that one of the two has.

    `answers`: what the cache answers: nothing, or one answer.
    """
    there = _flat(answers[0]) if answers else {}
    here = _flat(loaded)
    return [
        Field(
            path=path,
            cached=_shown(path, there.get(path)),
            loaded=_shown(path, here.get(path)),
            is_different=bool(answers) and there.get(path) != here.get(path),
        )
        for path in dict.fromkeys((*here, *there))
    ]


def value_text(value: JSON) -> str:
    """Return a value as JSON; "-" where there is none."""
    if value is None:
        return NOTHING
    return REDACTED if value == REDACTED else msgspec.json.encode(value).decode()


def plain(answer: Any) -> JSON:
    """Return an answer as a JSON value, without secrets."""
    return redact(_named(answer))


def _shown(path: str, value: Any) -> JSON:
    if value is not None and leads_to_secret(path):
        return REDACTED
    return redact(value)


def _named(answer: Any) -> Any:
    """Return plain values with the names that an answer's fields have in the code."""
    if isinstance(answer, msgspec.Struct):
        named = {
            name: _named(item) for name, item in msgspec.structs.asdict(answer).items()
        }
        return named or type(answer).__name__.lower()
    if isinstance(answer, list | tuple):
        return [_named(item) for item in answer]
    return msgspec.to_builtins(answer)


def _flat(answer: Any) -> dict[str, Any]:
    """Return the answer as paths and plain values; secrets are still in them."""
    named = _named(answer)
    return dict(_walk("", named)) if isinstance(named, dict) else {WHOLE: named}


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
