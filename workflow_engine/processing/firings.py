"""Firings: how one ends, and what its end opens again."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.models import (
    Action,
    ActionInterval,
    Firing,
    FiringState,
    ItemState,
)
from workflow_engine.models.firing import FiringQuerySet
from workflow_engine.processing.counting import count_ended
from workflow_engine.queue import cancel_where
from workflow_engine.types.reasons import Reason

#: What one acquisition of an interval is known by.
_ACQUISITION: Final = ("event_source", "event_id", "workflow_id", "action_id")


def cancel_firings(
    firings: Collection[uuid.UUID], reason: Reason, *, now: datetime, using: str
) -> list[uuid.UUID]:
    """Cancel those that have not started, with their items; return their uuids.

    To be called in a transaction: firings, items and intervals change together.
    """
    stopped = stop_firings(firings, reason, now=now, using=using)
    open_intervals(stopped, now=now, using=using)
    return stopped


def stop_firings(
    firings: Collection[uuid.UUID], reason: Reason, *, now: datetime, using: str
) -> list[uuid.UUID]:
    """Cancel those that have not started, with their items, and leave their intervals.

    Whoever ends firings locks them first, by primary key, then their items, and then
    intervals in the order of their keys: so nobody waits in a circle.
    """
    rows = Firing.objects.using(using).select_for_update().order_by("pk")
    waiting = kinds_of(rows.filter(uuid__in=firings, state=FiringState.DUE, attempts=0))
    if waiting:
        cancel_where(firings=list(waiting), now=now)
        Firing.objects.using(using).filter(uuid__in=list(waiting)).update(
            state=FiringState.CANCELLED, reason=reason.value, finished_at=now
        )
        count_ended(waiting.values(), FiringState.CANCELLED, reason.value, using)
    return list(waiting)


def kind_of(firing: Firing) -> str:
    """Return the kind of its action; "" when that is gone."""
    return "" if firing.action is None else firing.action.kind


def kinds_of(rows: FiringQuerySet) -> dict[uuid.UUID, str]:
    """Return uuids, with the kind of each one's action; "" for one that is gone.

    One query, which joins nothing, so that the rows may be locked.
    """
    kind = Action.objects.filter(pk=OuterRef("action_id")).values("kind")
    named = Coalesce(Subquery(kind), Value(""))
    return dict(rows.annotate(kind=named).values_list("uuid", "kind"))


def end_firings(
    firings: Mapping[uuid.UUID, str],
    state: FiringState,
    reason: Reason,
    *,
    now: datetime,
    using: str,
) -> None:
    """Write the end of firings; an acquisition of which none succeeded is given back.

    One that was cancelled stays as it is. `firings` has the kinds of their actions.
    """
    rows = Firing.objects.using(using).exclude(state=FiringState.CANCELLED)
    for name, kind in firings.items():
        ended = {"state": state, "reason": reason.value, "finished_at": now}
        if rows.filter(uuid=name).update(**ended):
            count_ended([kind], state, reason.value, using)
    if state is not FiringState.SUCCEEDED:
        open_intervals(list(firings), now=now, using=using)


def settle_item(*, item_id: int, state: str, **_: object) -> None:
    """Hear of an item's end and end its firing, if that is still open.

    So it is when nobody of ours ended it: its worker was lost too often, or it was
    cancelled from outside.
    """
    if state == ItemState.DONE:
        return
    using = options.DATABASE
    dead = state == ItemState.DEAD
    with transaction.atomic(using=using):
        left = Firing.objects.using(using).open().filter(item=item_id)
        end_firings(
            kinds_of(left),
            FiringState.FAILED if dead else FiringState.CANCELLED,
            Reason.ATTEMPTS_USED if dead else Reason.BY_HAND,
            now=clock.now(),
            using=using,
        )


def open_intervals(
    firings: Collection[uuid.UUID], *, now: datetime, using: str
) -> None:
    """End the intervals of acquisitions that are lost with these firings."""
    lost = lost_with(firings, using=using)
    if lost:
        ActionInterval.objects.using(using).release(lost, now)


def lost_with(firings: Collection[uuid.UUID], *, using: str) -> list[uuid.UUID]:
    """Return all firings of acquisitions that have none open and none that succeeded.

    Asked are the acquisitions of these firings.
    """
    if not firings:
        return []
    # A resolved message asks for no interval, and its success holds none.
    rows = Firing.objects.using(using).filter(purpose=Firing.Purpose.TRIGGER)
    ended = rows.filter(uuid__in=firings).values_list(*_ACQUISITION)
    same = Q(pk__in=[])
    for values in set(ended):
        same |= Q(**dict(zip(_ACQUISITION, values, strict=True)))
    names: dict[tuple[object, ...], list[uuid.UUID]] = defaultdict(list)
    kept = set()
    for name, state, *key in rows.filter(same).values_list(
        "uuid", "state", *_ACQUISITION
    ):
        names[tuple(key)].append(name)
        if state not in {FiringState.FAILED, FiringState.CANCELLED}:
            kept.add(tuple(key))
    return [name for key, found in names.items() if key not in kept for name in found]
