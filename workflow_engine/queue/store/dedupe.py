"""Dedupe keys: at most one item has one; the second draft gets the first one's id."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F, Q

from workflow_engine.conf import options
from workflow_engine.exceptions import Retryable
from workflow_engine.models import WorkItem
from workflow_engine.models.work_item import TERMINAL_STATES, WorkItemQuerySet
from workflow_engine.queue.store.insert import Holder, insert

#: Waits for whoever inserts the same key, and inserts if that one rolls back.
LEAVE: Final = "(dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING"

TURNS: Final = 10  # a holder may give its key up between our two looks, over and over


def insert_deduped(rows: Sequence[WorkItem], *, now: datetime) -> dict[str, Holder]:
    """Insert rows unless their dedupe key is had; return who has each key.

    No key may stand in two rows. To be called in a transaction.
    """
    waiting = {str(row.dedupe_key): row for row in rows}
    holders: dict[str, Holder] = {}
    if waiting:
        _give_up_old(waiting.keys(), now=now)
    for _ in range(TURNS):
        if not waiting:
            return holders
        for row in insert(list(waiting.values()), LEAVE):
            holders[str(row.dedupe_key)] = Holder(id=row.pk, created=True)
        taken = _items().filter(dedupe_key__in=waiting.keys() - holders.keys())
        for item_id, key in taken.values_list("id", "dedupe_key"):
            holders[str(key)] = Holder(id=item_id, created=False)
        waiting = {key: row for key, row in waiting.items() if key not in holders}
    raise Retryable("The items of the dedupe keys come and go; enqueue again.")


def _give_up_old(keys: Collection[str], *, now: datetime) -> None:
    """Take the keys of holders older than DEDUPE_SECONDS.

    Except from one that has begun and is not at its end: its receivers know it by the
    key, and shall in every attempt.
    """
    oldest = now - timedelta(seconds=options.DEDUPE_SECONDS)
    has_no_receiver = Q(attempts=0) | Q(state__in=TERMINAL_STATES)
    old = _items().filter(has_no_receiver, dedupe_key__in=keys, created_at__lt=oldest)
    old.update(dedupe_key=None, rev=F("rev") + 1)


def _items() -> WorkItemQuerySet:
    return WorkItem.objects.using(options.DATABASE)
