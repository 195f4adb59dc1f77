"""Retry: dead work given another chance, with the firing it carries out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from workflow_engine.conf import options
from workflow_engine.models import Firing, FiringState, ItemState, WorkItem
from workflow_engine.queue import retry
from workflow_engine.types.reasons import Reason


def retry_items(ids: Collection[int], now: datetime) -> list[int]:
    """Give dead items all their attempts again, due now; return those that were dead.

    Their firings are due again too; a firing counts its attempts on. An interval that was
    given back when the firing failed is not taken again.
    """
    using = options.DATABASE
    with transaction.atomic(using=using):
        # The firings are locked before their items, as everywhere.
        dead = WorkItem.objects.using(using).filter(pk__in=ids, state=ItemState.DEAD)
        failed = Firing.objects.using(using).filter(uuid__in=dead.values("firing"))
        list(failed.select_for_update().order_by("pk").values_list("pk"))
        revived = retry(ids, now=now)
        Firing.objects.using(using).filter(item__in=revived).update(
            state=FiringState.DUE, reason=Reason.SENT.value, finished_at=None
        )
    return revived
