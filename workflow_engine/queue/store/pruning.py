"""Pruning: ended items that are old enough go. Line 19 of the table of transitions."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import QuerySet

from workflow_engine.conf import options
from workflow_engine.models import ItemState, WorkItem


def ended_before(
    moment: datetime, *, is_dead: bool, now: datetime
) -> QuerySet[WorkItem]:
    """Return the items that ended before a moment: the dead ones, or all the others.

    None is younger than DEDUPE_SECONDS: its dedupe key still stands for something.
    """
    kept_since = now - timedelta(seconds=options.DEDUPE_SECONDS)
    ended = WorkItem.objects.using(options.DATABASE).terminal()
    ended = ended.filter(finished_at__lt=min(moment, kept_since))
    if is_dead:
        return ended.filter(state=ItemState.DEAD)
    return ended.exclude(state=ItemState.DEAD)


def delete_ended(ids: list[int]) -> int:
    """Delete items and return how many; one that is not at its end stays."""
    rows = WorkItem.objects.using(options.DATABASE).terminal()
    deleted, _ = rows.filter(pk__in=ids).delete()
    return deleted
