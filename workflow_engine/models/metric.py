"""Metric: what all processes together counted, by the minute, the hour, the day and for ever."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from django.db import connections, models
from django.db.models import Max, Sum
from django.utils.translation import gettext_lazy as _

from workflow_engine.models.metric_add import Adding, Counted, columns_of

#: Where the rows stand that have no time.
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Size(models.TextChoices):
    """How much time the figures of one row are of."""

    MINUTE = "minute", _("minute")
    HOUR = "hour", _("hour")
    DAY = "day", _("day")
    EVER = "ever", _("ever")  # what days no longer kept had come to


class MetricBucketQuerySet(models.QuerySet["MetricBucket"]):
    """Figures, added to by many processes."""

    def add(self, figures: Iterable[Counted], now: datetime) -> None:
        """Add to the figures of the minute, the hour and the day (UTC) of a moment.

        All three are written together, so that each is complete at any time and no later
        work can be missed or done twice. One statement. No two of `figures` may have the
        same scope, counter and reason.
        """
        self.adding(figures, moments(now)).run()

    add.alters_data = True  # type: ignore[attr-defined] # Django's mark for templates

    def fold(self, ids: Collection[int]) -> int:
        """Delete rows, and add the days among them to what was ever counted.

        Both or neither: within a transaction of the caller, in which the rows are locked.
        Returns how many went.
        """
        rows = self.filter(pk__in=ids)
        days = (
            rows.filter(size=Size.DAY)
            .order_by()
            .values("scope", "counter", "reason")
            .annotate(Sum("count"), Sum("total"), Max("highest"))
            .values_list(*_FOLDED)
        )
        folded = [_Folded(*one) for one in days]
        if folded:
            self.adding(folded, {Size.EVER: EPOCH}).run()
        deleted: int = rows.delete()[0]
        return deleted

    fold.alters_data = True  # type: ignore[attr-defined] # as above

    def adding(
        self, figures: Iterable[Counted], places: Mapping[Size, datetime]
    ) -> Adding:
        """Return what adds figures to the rows of some sizes, each at its moment."""
        return Adding(
            table=self.model._meta.db_table,
            connection=connections[self.db],
            places=[(size.value, at) for size, at in places.items()],
            figures=columns_of(figures),
        )

    def older_than(self, moments: dict[Size, datetime]) -> MetricBucketQuerySet:
        """Return the figures of each size that began before its moment."""
        found = models.Q()
        for size, moment in moments.items():
            found |= models.Q(size=size, at__lt=moment)
        return self.filter(found)

    def named(self, counters: Collection[str]) -> MetricBucketQuerySet:
        """Return those of some counters."""
        return self.filter(counter__in=counters)


class MetricBucket(models.Model):
    """What all processes together counted in one minute, hour or day."""

    size = models.CharField(_("size"), max_length=6, choices=Size.choices)
    at = models.DateTimeField(_("from"), help_text=_("Its first moment."))
    scope = models.CharField(
        _("scope"),
        max_length=64,
        blank=True,
        help_text=_("Name of an access, an outcome, a kind of action."),
    )
    counter = models.CharField(_("counter"), max_length=64)
    reason = models.CharField(_("reason"), max_length=64, blank=True)
    count = models.BigIntegerField(_("count"))
    total = models.FloatField(_("total"), default=0.0)
    highest = models.FloatField(_("highest"), default=0.0)

    objects = MetricBucketQuerySet.as_manager()

    class Meta:
        verbose_name = _("metric")
        verbose_name_plural = _("metrics")
        constraints = [
            # In this order an index leads to a span of time of one size.
            models.UniqueConstraint(
                fields=["size", "at", "counter", "scope", "reason"],
                name="wfe_metric_bucket",
            )
        ]

    def __str__(self) -> str:
        name = ".".join(filter(None, (self.scope, self.counter, self.reason)))
        return f"{name} in the {self.size} {self.at:%Y-%m-%d %H:%M}: {self.count}"


@dataclass(frozen=True)
class _Folded:
    """A figure of some days together."""

    counter: str
    scope: str
    reason: str
    count: int
    total: float
    highest: float


_FOLDED: Final = (
    *("counter", "scope", "reason"),
    *("count__sum", "total__sum", "highest__max"),
)


def moments(now: datetime) -> dict[Size, datetime]:
    """Return the first moment of the minute, the hour and the day (UTC) that a moment is in."""
    minute = now.astimezone(UTC).replace(second=0, microsecond=0)
    hour = minute.replace(minute=0)
    return {
        Size.MINUTE: minute,
        Size.HOUR: hour,
        Size.DAY: hour.replace(hour=0),
    }
