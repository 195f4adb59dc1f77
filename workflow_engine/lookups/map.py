"""Map: every access of ours, in the order in which an event meets them."""

from __future__ import annotations

from typing import Any, TypeAlias

from workflow_engine.caches import CacheAccess
from workflow_engine.lookups.detectors import detector_ids_by_route, detectors
from workflow_engine.lookups.workflows import workflow_ids_by_detector, workflows

Accesses: TypeAlias = tuple[CacheAccess[Any, Any], ...]


def accesses() -> Accesses:
    """Return all accesses of ours."""
    return detector_ids_by_route, detectors, workflow_ids_by_detector, workflows
