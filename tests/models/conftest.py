"""Handlers for rows: the built-in ones where they are registered, else stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from workflow_engine import registry
from workflow_engine.registry import (
    ActionEntry,
    ConditionEntry,
    DetectorEntry,
    Entry,
    Registry,
)

NEEDS_N: dict[str, Any] = {
    "type": "object",
    "required": ["n"],
    "properties": {"n": {"type": "integer"}},
}


def answer(*_: Any) -> bool:
    """Handle nothing: rows are only stored here."""
    return True


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Register what the rows of these tests name."""
    anything: dict[str, Any] = {"type": "object"}
    added = [
        _add(
            registry.conditions,
            ConditionEntry(slug="eq", handler=answer, schema=anything),
        ),
        _add(
            registry.detectors,
            DetectorEntry(slug="event", handler=answer, schema=anything),
        ),
        _add(
            registry.detectors,
            DetectorEntry(slug="threshold", handler=answer, schema=anything),
        ),
        _add(
            registry.actions, ActionEntry(slug="log", handler=answer, schema=anything)
        ),
        _add(
            registry.conditions,
            ConditionEntry(slug="t_any", handler=answer, schema=anything),
        ),
        _add(
            registry.conditions,
            ConditionEntry(slug="t_n", handler=answer, schema=NEEDS_N),
        ),
        _add(
            registry.conditions,
            ConditionEntry(
                slug="t_later",
                handler=answer,
                schema=anything,
                slow=True,
                roles=frozenset({"when", "if"}),
            ),
        ),
        _add(
            registry.detectors,
            DetectorEntry(slug="t_n", handler=answer, schema=NEEDS_N),
        ),
        _add(registry.actions, ActionEntry(slug="t_n", handler=answer, schema=NEEDS_N)),
    ]
    yield
    for registered, slug in added:
        if slug:
            registered.unregister(slug)


def _add(registered: Registry[Any], entry: Entry) -> tuple[Registry[Any], str]:
    if registered.get(entry.slug) is not None:
        return registered, ""
    registered.register(entry)
    return registered, entry.slug
