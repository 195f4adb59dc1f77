"""Begin: what a detector waits for before its first event."""

from __future__ import annotations

from typing import Any

from workflow_engine import clock, registry
from workflow_engine.models import Detector
from workflow_engine.processing.effects import Effects, Wake
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.types.detection import State, SubjectKey


def begin_watch(*, instance: Detector, raw: bool = False, **_: Any) -> None:
    """Hear of a saved detector and start the waits that its kind asks for.

    A subject that has a state is waited for already, or was heard of.
    """
    entry = registry.detectors.get(instance.kind)
    if raw or entry is None or entry.begin is None or not instance.enabled:
        return
    now = clock.now()
    wanted: dict[SubjectKey, State] = {
        (instance.pk, "", subject): state
        for subject, state in entry.begin(instance.config, now).items()
    }
    ledger = DatabaseLedger()
    known = ledger.states(wanted) if wanted else {}
    begun = {key: state for key, state in wanted.items() if key not in known}
    if not begun:
        return
    with ledger.transaction():
        refused = ledger.publish(begun)
        wakes = tuple(
            Wake(key=key, due_at=state.wake_at)
            for key, state in sorted(begun.items())
            if state.wake_at is not None and key not in refused
        )
        ledger.write(Effects(wakes=wakes), now)
