"""Reading: figures of all processes, out of the table they share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import (
    CharField,
    F,
    Func,
    IntegerField,
    Max,
    Q,
    QuerySet,
    Sum,
    Value,
)
from django.db.models.expressions import Combinable

from workflow_engine.conf import options
from workflow_engine.metrics.counts import Figure
from workflow_engine.metrics.windows import DAY, HOUR, Window
from workflow_engine.models.metric import (
    EPOCH,
    MetricBucket,
    MetricBucketQuerySet,
    Size,
)

#: Rows of the next size, and how long these are; of days there are never many.
LARGER: Final = {Size.MINUTE: (Size.HOUR, HOUR), Size.HOUR: (Size.DAY, DAY)}

#: The slot of a figure of the whole window.
NO_SLOT: Final = -1


@dataclass(frozen=True, kw_only=True)
class Point:
    """One figure in one slot of a window.

    Attributes:
        at: First moment of the slot.
        figure: What was counted in it.
    """

    at: datetime
    figure: Figure


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Which counters are wanted slot by slot, and what is kept apart in them.

    Attributes:
        counters: Their names.
        scopes: Only of these; None = of all.
        by_scope: Whether scopes are; else they are added up, under the scope "".
        by_reason: Whether reasons are; else they are added up, under the reason "".
    """

    counters: tuple[str, ...]
    scopes: tuple[str, ...] | None = None
    by_scope: bool = True
    by_reason: bool = True


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was read by one statement, so that the parts agree while others write.

    Attributes:
        figures: Of the whole window.
        points: For each slice; a slot in which nothing was counted has no point.
    """

    figures: list[Figure]
    points: tuple[list[Point], ...]


def read(using: str, window: Window, *slices: Slice) -> Reading:
    """Return what all processes counted in a window, and slices of it; one query."""
    rows = _rows(using, window)
    parts = [
        _part(_in_slices(rows, window, one), one, number)
        for number, one in enumerate(slices)
    ]
    whole = _whole(_fewest(using, window))
    found = whole.union(*parts, all=True) if parts else whole
    figures: list[Figure] = []
    points: tuple[list[Point], ...] = tuple([] for _ in slices)
    for part, slot, *values in found:
        figure = _figure(*values)
        if part == NO_SLOT:
            figures.append(figure)
        else:
            at = window.since + slot * window.slot
            points[part].append(Point(at=at, figure=figure))
    return Reading(figures=figures, points=points)


def figures_in(using: str, window: Window) -> list[Figure]:
    """Return what all processes counted in a window; one query."""
    return read(using, window).figures


def figures_ever(using: str) -> list[Figure]:
    """Return what was counted since the table is there; never less than before; one query."""
    rows = MetricBucket.objects.using(using).filter(size__in=(Size.DAY, Size.EVER))
    return [_figure(*values) for _, _, *values in _whole(rows)]


class _Seconds(Func):
    """Seconds since 1970 of a whole second."""

    template = "CAST(EXTRACT(EPOCH FROM %(expressions)s) AS bigint)"
    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST(strftime('%%%%s', %(expressions)s) AS integer)"
        return super().as_sql(compiler, connection, template=template, **context)


def _rows(using: str, window: Window) -> MetricBucketQuerySet:
    """Return the rows of a window; none that a faster clock wrote for a time to come."""
    rows = MetricBucket.objects.using(using)
    return rows.filter(size=window.size, at__gte=window.since, at__lte=window.until)


def _fewest(using: str, window: Window) -> MetricBucketQuerySet:
    """Return the fewest rows that tell of a whole window, each moment of it once.

    Inside they are of the next size, if those are still kept: the same figures, written by
    the same statements.
    """
    if window.size not in LARGER:
        return _rows(using, window)
    size, length = LARGER[window.size]
    first = EPOCH - (EPOCH - window.since) // length * length  # rounded up
    last = EPOCH + (window.until - EPOCH) // length * length
    kept_from = window.until - options.METRICS_RETAIN_HOURS[size.value] * HOUR
    if first >= last or first < kept_from:
        return _rows(using, window)
    before = Q(size=window.size, at__gte=window.since, at__lt=first)
    inside = Q(size=size, at__gte=first, at__lt=last)
    after = Q(size=window.size, at__gte=last, at__lte=window.until)
    return MetricBucket.objects.using(using).filter(before | inside | after)


def _in_slices(
    rows: MetricBucketQuerySet, window: Window, wanted: Slice
) -> MetricBucketQuerySet:
    since = _number(int(window.since.timestamp()))
    length = _number(int(window.slot.total_seconds()))
    slot = (_Seconds(F("at")) - since) / length
    found = rows.named(wanted.counters).annotate(slot=slot)
    return found if wanted.scopes is None else found.filter(scope__in=wanted.scopes)


def _part(rows: Any, wanted: Slice, number: int) -> QuerySet[Any, tuple[Any, ...]]:
    """Return rows with a slot added up, with the number of their part before them."""
    nothing = Value("", output_field=CharField())
    scope: Combinable = F("scope") if wanted.by_scope else nothing
    reason: Combinable = F("reason") if wanted.by_reason else nothing
    added: QuerySet[Any, tuple[Any, ...]] = (
        rows.order_by()
        .annotate(part=_number(number), of=scope, why=reason)
        .values_list("part", "slot", "of", "counter", "why")
        .annotate(Sum("count"), Sum("total"), Max("highest"))
    )
    return added


def _whole(rows: MetricBucketQuerySet) -> QuerySet[Any, tuple[Any, ...]]:
    """Return rows added up over all time, with everything kept apart."""
    return _part(rows.annotate(slot=_number(NO_SLOT)), Slice(counters=()), NO_SLOT)


def _number(value: int) -> Value:
    return Value(value, output_field=IntegerField())


def _figure(
    scope: str, counter: str, reason: str, count: int, total: float, highest: float
) -> Figure:
    return Figure(
        scope=scope,
        counter=counter,
        reason=reason,
        count=int(count),
        total=total,
        highest=highest,
    )
