"""Prune: which rows are old enough to go, and deleting them in small transactions.

Never touched: an open firing, its decision, and a live item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef

from workflow_engine.caches import outbox
from workflow_engine.conf import options
from workflow_engine.metrics import figures
from workflow_engine.models import (
    ActionInterval,
    CacheForget,
    Decision,
    Delivery,
    DetectorState,
    EventCount,
    EventReceipt,
    Firing,
    MetricBucket,
    MetricSource,
    WorkItem,
)
from workflow_engine.models.cache_forget import MOST_KEPT
from workflow_engine.queue import delete_ended, ended_before
from workflow_engine.types.priority import Priority
from workflow_engine.types.reasons import Result

INTERVAL_KEPT: Final = timedelta(days=1)  # after its end, for the screens
QUIET_STATE_KEPT: Final = timedelta(days=30)
COUNT_KEPT_SECONDS: Final = 3600  # after the longest period it may belong to
LEAST_HOURS_OF_FORGETS: Final = 24  # whatever the minutes: "why was it forgotten?"
PERIOD_STEPS: Final = 120  # more steps than any period has


class Old(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one sort that may go.

    Attributes:
        noun: What they are called.
        why: What makes them old, in words.
        rows: Which they are.
    """

    noun: str
    why: str
    rows: models.QuerySet[Any]


def old_rows(now: datetime) -> Iterator[Old]:
    """Yield what may go, in an order in which nothing is in the way of anything else.

    A retention of None keeps its rows for ever, and yields nothing.
    """
    using = options.DATABASE
    kept: dict[str, int | None] = options.RETAIN_DAYS
    makers: dict[str, Callable[[datetime], models.QuerySet[Any]]] = {
        "deliveries": lambda old: Delivery.objects.using(using).filter(
            started_at__lt=old
        ),
        "done_items": lambda old: ended_before(old, is_dead=False, now=now),
        "dead_items": lambda old: ended_before(old, is_dead=True, now=now),
        "decisions": lambda old: _decisions(old, using).exclude(outcome=Result.FAILED),
        "failures": lambda old: _decisions(old, using).filter(outcome=Result.FAILED),
        "firings": lambda old: _firings(old, using),
    }
    for noun, rows_before in makers.items():
        days = kept[noun]
        if days is not None:
            rows = rows_before(now - timedelta(days=days))
            why = f"older than {days} day{'s' if days > 1 else ''}"
            yield Old(noun=noun.replace("_", " "), why=why, rows=rows)
    yield from _by_their_own_end(now, using)


def _by_their_own_end(now: datetime, using: str) -> Iterator[Old]:
    seen_before = now - timedelta(seconds=options.DEDUPE_SECONDS)
    receipts = EventReceipt.objects.using(using).filter(received_at__lt=seen_before)
    yield Old(noun="receipts", why="older than DEDUPE_SECONDS", rows=receipts)
    ends = F("bucket") * F("step") + F("step") * PERIOD_STEPS + COUNT_KEPT_SECONDS
    counts = EventCount.objects.using(using).alias(ends=ends)
    yield Old(
        noun="counts",
        why="of periods that are over",
        rows=counts.filter(ends__lt=int(now.timestamp())),
    )
    intervals = ActionInterval.objects.using(using).filter(
        held_until__lt=now - INTERVAL_KEPT
    )
    yield Old(noun="intervals", why="that ended more than a day ago", rows=intervals)
    states = DetectorState.objects.using(using).filter(
        priority=Priority.OK, last_seen_at__lt=now - QUIET_STATE_KEPT
    )
    yield Old(noun="states", why="that are ok and unseen for 30 days", rows=states)
    yield from _figures(now, using)
    yield Old(noun="owed forgets", why="older than 2 days", rows=outbox.expired(using))


def _figures(now: datetime, using: str) -> Iterator[Old]:
    """Yield figures, who wrote them, and records of forgets."""
    kept: dict[str, int] = options.METRICS_RETAIN_HOURS
    yield Old(
        noun="figures",
        why="older than METRICS_RETAIN_HOURS",
        rows=figures.expired(using, now),
    )
    hours = max(kept["minute"], LEAST_HOURS_OF_FORGETS)
    yield Old(
        noun="records of forgets",
        why=f"older than {hours} h, or not among the newest {MOST_KEPT}",
        rows=CacheForget.objects.using(using).expired(now - timedelta(hours=hours)),
    )
    yield Old(
        noun="sources of figures",
        why=f"that wrote nothing for {kept['hour']} h",
        rows=MetricSource.objects.using(using).unheard_of_since(
            now - timedelta(hours=kept["hour"])
        ),
    )


def _decisions(old: datetime, using: str) -> models.QuerySet[Decision]:
    open_firings = Firing.objects.using(using).open().filter(decision=OuterRef("uuid"))
    return Decision.objects.using(using).filter(
        ~Exists(open_firings), decided_at__lt=old
    )


def _firings(old: datetime, using: str) -> models.QuerySet[Firing]:
    live = WorkItem.objects.using(using).live().filter(firing=OuterRef("uuid"))
    ended = Firing.objects.using(using).ended()
    return ended.filter(~Exists(live), finished_at__lt=old)


def delete_old(old: Old) -> int:
    """Delete the rows, PRUNE_BATCH in a transaction, and return how many went."""
    total, last = 0, 0
    size = options.PRUNE_BATCH
    ordered = old.rows.order_by("pk").values_list("pk", flat=True)
    while ids := list(ordered.filter(pk__gt=last)[:size]):
        total += delete_ids(old, ids)
        last = ids[-1]
        if len(ids) < size:
            break
    return total


def delete_ids(old: Old, ids: list[int]) -> int:
    """Delete those of these rows that are old still, and return how many went.

    Since they were read a row may have been renewed. One that somebody holds at the moment
    is in use, and stays until the next time.
    """
    with transaction.atomic(using=options.DATABASE):
        asked = old.rows.filter(pk__in=ids).order_by("pk")
        locked = asked.select_for_update(skip_locked=True, of=("self",))
        doomed = list(locked.values_list("pk", flat=True))
        if old.rows.model is WorkItem:
            return delete_ended(doomed)
        if old.rows.model is MetricBucket:
            return MetricBucket.objects.using(options.DATABASE).fold(doomed)
        deleted: dict[str, int] = old.rows.filter(pk__in=doomed).delete()[1]
    return deleted.get(old.rows.model._meta.label, 0)
