"""Map: every access there is, and which of them each model spoils."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, TypeAlias

from django.db import models

from workflow_engine.caches import CacheAccess
from workflow_engine.lookups.detectors import detector_ids_by_route, detectors
from workflow_engine.lookups.workflows import workflow_ids_by_detector, workflows

Accesses: TypeAlias = tuple[CacheAccess[Any, Any], ...]


def accesses() -> Accesses:
    """Return all accesses, in the order in which an event meets them."""
    return detector_ids_by_route, detectors, workflow_ids_by_detector, workflows


def accesses_by_model() -> dict[type[models.Model], Accesses]:
    """Return for each watched model the accesses that a row of it can spoil."""
    found: dict[type[models.Model], Accesses] = defaultdict(tuple)
    for access in accesses():
        for model in access.depends_on:
            found[model] += (access,)
    return dict(found)
