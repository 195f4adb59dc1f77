"""Lines: what one detector said of an event, as a line of the trace."""

from __future__ import annotations

import logging

from workflow_engine.types.detection import Detection
from workflow_engine.types.priority import Priority
from workflow_engine.types.reasons import Reason, Result, result_of
from workflow_engine.types.snapshots import DetectorSnapshot
from workflow_engine.types.trace import DetectorLine
from workflow_engine.types.verdict import GroupVerdict

logger = logging.getLogger(__name__)


def spoken(
    detector: DetectorSnapshot, detection: Detection, trigger: GroupVerdict | None
) -> DetectorLine:
    """Return the line of a detector that has said something."""
    return DetectorLine(
        detector_id=detector.id,
        detector=detector.slug,
        kind=detector.kind,
        revision=detector.revision,
        path=path_of(detector),
        trigger=trigger,
        detection=detection,
    )


def silent(
    detector: DetectorSnapshot,
    reason: Reason,
    trigger: GroupVerdict | None = None,
    note: str = "",
) -> DetectorLine:
    """Return the line of a detector that has nothing to say, and why."""
    return DetectorLine(
        detector_id=detector.id,
        detector=detector.slug,
        kind=detector.kind,
        revision=detector.revision,
        path=path_of(detector),
        trigger=trigger,
        reason=reason,
        note=note,
        has_error=result_of(reason) is Result.FAILED,
    )


def broken(
    detector: DetectorSnapshot, error: Exception, trigger: GroupVerdict | None = None
) -> DetectorLine:
    """Return the line of a detector whose kind has raised, and write the error to the log."""
    logger.warning(
        "A detector failed.",
        exc_info=error,
        extra={"action": "detector_failed", "detector": detector.slug},
    )
    note = f"{type(error).__name__}: {error}"
    return silent(detector, Reason.DETECTOR_ERROR, trigger, note)


def is_triggered(line: DetectorLine) -> bool:
    """Whether the line says that something is going on."""
    found = line.detection
    return found is not None and found.priority is not Priority.OK


def path_of(detector: DetectorSnapshot) -> str:
    """Return where a detector looks, by its configuration; "" for one that says no place."""
    path = detector.config.get("path", "")
    return path if isinstance(path, str) else ""
