"""Begin: hears of detectors that were written, and makes their waits what they ask for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from workflow_engine import clock, registry
from workflow_engine.conf import options
from workflow_engine.models import Detector, DetectorState
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
    """Make its waits those its kind asks for, unless that refuses the configuration."""
    entry = registry.detectors.get(detector.kind)
    if entry is None or entry.begin is None or not detector.enabled:
        return
    if entry.problems(detector.config):
        return
    now = clock.now()
    _forget_others(detector, entry.begin(detector.config, now))
    begin_waits(detector, DatabaseLedger(), now)


def _forget_others(detector: Detector, expected: Collection[tuple[str, str]]) -> None:
    """Forget who was never heard of and is not expected any more; their items find nothing."""
    never_heard = DetectorState.objects.using(options.DATABASE).filter(
        detector=detector.pk, last_seen_at=None, watermark=None, episode=0
    )
    gone = [
        key
        for key, *of in never_heard.values_list("pk", "environment", "subject")
        if tuple(of) not in expected
    ]
    for start in range(0, len(gone), READ_ROWS):
        never_heard.filter(pk__in=gone[start : start + READ_ROWS]).delete()
