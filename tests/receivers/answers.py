"""Answers: what the database says to every question, and what a write changed in that."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any, Final, TypeAlias

from tests.caches.coherence.recording import Recording
from workflow_engine.caches import CacheAccess
from workflow_engine.lookups import (
    detector_ids_by_route,
    detectors,
    workflow_ids_by_detector,
    workflows,
)
from workflow_engine.models import Detector, Workflow
from workflow_engine.types.snapshots import ABSENT

Entry: TypeAlias = tuple[str, Any]

TYPES: Final = ("order.failed", "other.type", "third.type")
SOURCES: Final = ("", "/shop", "changed", "/third")

#: What an entry says that nobody could have asked for before.
NOTHING: Final[dict[str, Any]] = {
    "detectors": ABSENT,
    "workflows": ABSENT,
    "workflow_ids_by_detector": (),
}


def answers() -> dict[Entry, Any]:
    """Return what the database says now, to everything there is."""
    asked: list[tuple[CacheAccess[Any, Any], list[Any]]] = [
        (detector_ids_by_route, list(product(TYPES, SOURCES))),
        (detectors, _ids(Detector)),
        (workflow_ids_by_detector, _ids(Detector)),
        (workflows, _ids(Workflow)),
    ]
    return {
        (access.name, key): value
        for access, keys in asked
        for key, value in access.load(keys).items()
    }


def changed(before: dict[Entry, Any]) -> set[Entry]:
    """Return the entries that say something else now."""
    after = answers()
    return {
        entry
        for entry in {*before, *after}
        if _said(before, entry) != _said(after, entry)
    }


def not_forgotten(recording: Recording, entries: Iterable[Entry]) -> set[Entry]:
    """Return those that a reader could still be given as they were."""
    return {entry for entry in entries if not recording.has(*entry)}


def _said(found: dict[Entry, Any], entry: Entry) -> Any:
    return found.get(entry, NOTHING.get(entry[0]))


def _ids(model: Any) -> list[int]:
    return list(model._default_manager.values_list("pk", flat=True))
