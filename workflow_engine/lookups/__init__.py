"""Look-ups: rule rows in, frozen snapshots out, each question declared as an access.

What is not known here: events, decisions, and whether an answer was cached.
"""

from workflow_engine.lookups.detectors import detector_ids_by_route, detectors
from workflow_engine.lookups.map import accesses
from workflow_engine.lookups.workflows import (
    workflow_ids_by_detector,
    workflows,
    workflows_for_detectors,
)

__all__ = [
    "accesses",
    "detector_ids_by_route",
    "detectors",
    "workflow_ids_by_detector",
    "workflows",
    "workflows_for_detectors",
]
