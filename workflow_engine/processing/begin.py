"""Begin: hears of detectors that were written, and starts what they wait for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workflow_engine import clock, registry
from workflow_engine.models import Detector
from workflow_engine.models.rules import READ_ROWS
from workflow_engine.processing.again import begin_waits
from workflow_engine.processing.ledger import DatabaseLedger


def begin_watch(*, instance: Detector, raw: bool = False, **_: Any) -> None:
    """Hear of a detector that was saved; one of a fixture comes with its states."""
    if not raw:
        _begin(instance)


def begin_watches(
    *, ids: Sequence[int], rows: Sequence[Detector], using: str, **_: Any
) -> None:
    """Hear of detectors that were updated or created without `save`."""
    kinds = [e.slug for e in registry.detectors if e.begin is not None]
    waiting = Detector.objects.using(using).filter(enabled=True, kind__in=kinds)
    # Rows whose keys are not known are found by their slugs.
    by, names = ("pk__in", ids) if ids else ("slug__in", [row.slug for row in rows])
    for start in range(0, len(names), READ_ROWS):
        for detector in waiting.filter(**{by: names[start : start + READ_ROWS]}):
            _begin(detector)


def _begin(detector: Detector) -> None:
    """Start its waits, unless its kind refuses the stored configuration."""
    if not registry.detectors.problems(detector.kind, detector.config):
        begin_waits(detector, DatabaseLedger(), clock.now())
