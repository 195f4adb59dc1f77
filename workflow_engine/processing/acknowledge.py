"""Acknowledge: a person has taken note; what was to be escalated is not."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from workflow_engine.conf import options
from workflow_engine.processing.firings import cancel_firings
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.types.detection import SubjectKey
from workflow_engine.types.reasons import Reason


def acknowledge_subject(key: SubjectKey, now: datetime) -> int:
    """Cancel the delayed firings of the open episode; return how many were cancelled."""
    ledger = DatabaseLedger()
    with transaction.atomic(using=options.DATABASE):
        state = ledger.states([key], lock=True).get(key)
        if state is None or not state.episode:
            return 0
        episode = (*key, state.episode)
        waiting = [t.uuid for t in ledger.told([episode])[episode] if t.is_waiting]
        cancelled = cancel_firings(
            waiting, Reason.ACKNOWLEDGED, now=now, using=options.DATABASE
        )
    return len(cancelled)
