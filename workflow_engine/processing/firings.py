"""Firings: how one ends, and what its end opens again."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db.models import Q

from workflow_engine.models import ActionInterval, Firing, FiringState
from workflow_engine.queue import cancel_where
from workflow_engine.types.reasons import Reason


def cancel_firings(
    firings: Collection[uuid.UUID], reason: Reason, *, now: datetime, using: str
) -> list[uuid.UUID]:
    """Cancel those that have not started, with their items; return their uuids.

    To be called in a transaction: firings, items and intervals change together.
    """
    waiting = list(
        Firing.objects.using(using)
        .select_for_update()
        .filter(uuid__in=firings, state=FiringState.DUE, attempts=0)
        .order_by("pk")
        .values_list("uuid", flat=True)
    )
    if not waiting:
        return []
    cancel_where(firings=waiting, now=now)
    end_firings(waiting, FiringState.CANCELLED, reason, now=now, using=using)
    return waiting


def end_firings(
    firings: Collection[uuid.UUID],
    state: FiringState,
    reason: Reason,
    *,
    now: datetime,
    using: str,
) -> None:
    """Write the end of firings; an acquisition of which none succeeded is given back."""
    Firing.objects.using(using).filter(uuid__in=firings).update(
        state=state, reason=reason.value, finished_at=now
    )
    if state is not FiringState.SUCCEEDED:
        _open_intervals(firings, now=now, using=using)


def _open_intervals(
    firings: Collection[uuid.UUID], *, now: datetime, using: str
) -> None:
    """End the intervals of acquisitions that have no open firing and none that succeeded."""
    rows = Firing.objects.using(using)
    acquisitions = set(
        rows.filter(uuid__in=firings).values_list(
            "event_source", "event_id", "workflow_id", "action_id"
        )
    )
    same = Q(pk__in=[])
    for source, event_id, workflow_id, action_id in acquisitions:
        same |= Q(
            event_source=source,
            event_id=event_id,
            workflow_id=workflow_id,
            action_id=action_id,
        )
    kept = {
        (source, event_id, workflow_id, action_id)
        for source, event_id, workflow_id, action_id, state in rows.filter(
            same
        ).values_list("event_source", "event_id", "workflow_id", "action_id", "state")
        if state not in {FiringState.FAILED, FiringState.CANCELLED}
    }
    lost = [
        name
        for source, event_id, workflow_id, action_id, name in rows.filter(
            same
        ).values_list("event_source", "event_id", "workflow_id", "action_id", "uuid")
        if (source, event_id, workflow_id, action_id) not in kept
    ]
    if lost:
        ActionInterval.objects.using(using).release(lost, now)
