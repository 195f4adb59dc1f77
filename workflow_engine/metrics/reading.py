"""Reading: figures of all processes, out of the table they share."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max, Sum

from workflow_engine.metrics.counts import Figure
from workflow_engine.metrics.windows import Window
from workflow_engine.models.metric import MetricBucket, MetricBucketQuerySet, Size


@dataclass(frozen=True, kw_only=True)
class Point:
    """One figure in one slot of a window.

    Attributes:
        at: First moment of the slot.
        figure: What was counted in it.
    """

    at: datetime
    figure: Figure


def figures_in(using: str, window: Window) -> list[Figure]:
    """Return what all processes counted in a window; one query."""
    return list(_summed(_rows(using, window)))


def points_in(using: str, window: Window, counters: Collection[str]) -> list[Point]:
    """Return what some counters came to in each slot of a window; one query.

    A slot in which nothing was counted has no point.
    """
    found = _rows(using, window).named(counters)
    slots: dict[tuple[datetime, str, str, str], list[float]] = {}
    rows = found.order_by().values_list(
        "at", "scope", "counter", "reason", "count", "total", "highest"
    )
    for at, scope, counter, reason, count, total, highest in rows.iterator():
        key = (window.slot_of(at), scope, counter, reason)
        values = slots.setdefault(key, [0, 0.0, 0.0])
        values[0] += count
        values[1] += total
        values[2] = max(values[2], highest)
    return [
        Point(
            at=at,
            figure=Figure(
                scope=scope,
                counter=counter,
                reason=reason,
                count=int(count),
                total=total,
                highest=highest,
            ),
        )
        for (at, scope, counter, reason), (count, total, highest) in slots.items()
    ]


def figures_ever(using: str) -> list[Figure]:
    """Return what was counted since the table is there; never less than before; one query."""
    rows = MetricBucket.objects.using(using).filter(size__in=(Size.DAY, Size.EVER))
    return list(_summed(rows))


def _rows(using: str, window: Window) -> MetricBucketQuerySet:
    rows = MetricBucket.objects.using(using)
    return rows.filter(size=window.size, at__gte=window.since, at__lte=window.until)


def _summed(rows: MetricBucketQuerySet) -> Iterator[Figure]:
    grouped = (
        rows.order_by()
        .values_list("scope", "counter", "reason")
        .annotate(Sum("count"), Sum("total"), Max("highest"))
    )
    for scope, counter, reason, count, total, highest in grouped:
        yield Figure(
            scope=scope,
            counter=counter,
            reason=reason,
            count=int(count),
            total=total,
            highest=highest,
        )
