"""Map: every access there is, so that "what spoils what" can be printed."""

from __future__ import annotations

from typing import Any

from workflow_engine.caches import CacheAccess
from workflow_engine.lookups.detectors import detector_ids_by_route, detectors
from workflow_engine.lookups.workflows import workflow_ids_by_detector, workflows


def accesses() -> tuple[CacheAccess[Any, Any], ...]:
    """Return all accesses, in the order in which an event meets them."""
    return detector_ids_by_route, detectors, workflow_ids_by_detector, workflows
