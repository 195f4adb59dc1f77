"""Detector kinds: what an event means beside the ones before it; state in, state out.

What is not here: rows, queries, settings, a clock, the trigger groups that say which events
are samples, and what follows from a detection. Importing this package registers the built-in
kinds in `registry.detectors`.
"""

from workflow_engine.detectors import absence, event, rate, threshold
from workflow_engine.detectors.base import Answer, register_detector
from workflow_engine.detectors.wakes import is_paused, pause, resume

__all__ = [
    "Answer",
    "absence",
    "event",
    "is_paused",
    "pause",
    "rate",
    "register_detector",
    "resume",
    "threshold",
]
