"""Sources: which processes write figures, how fresh these are, and what was released when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, Q

from workflow_engine.models.metric_source import CacheUse, MetricSource


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What is known of the processes that write figures.

    Attributes:
        flushed_at: When any last wrote; None: none ever did.
        living: How many have not ended.
        silent: How many of them had more to write, and did not.
        silent_since: When the first of those last wrote; None without any.
        given_up: How many of the living do without their cache for the time being.
    """

    flushed_at: datetime | None
    living: int
    silent: int
    silent_since: datetime | None
    given_up: int


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release, and when its first process began to count."""

    name: str
    at: datetime


def read_sources(using: str, now: datetime) -> Sources:
    """Return what is known at a moment; one query."""
    rows = MetricSource.objects.using(using)
    silent = Q(pk__in=rows.silent(now).values("pk"))
    given_up = Q(ended_at=None, cache_use=CacheUse.GIVEN_UP)
    found = rows.aggregate(
        written_at=Max("flushed_at"),
        living=Count("pk", filter=Q(ended_at=None)),
        silent=Count("pk", filter=silent),
        silent_since=Min("flushed_at", filter=silent),
        given_up=Count("pk", filter=given_up),
    )
    return Sources(flushed_at=found.pop("written_at"), **found)


def releases_since(using: str, since: datetime) -> list[Release]:
    """Return releases whose first process known began at a moment or later; one query.

    The oldest release known is none of them: nothing says when it began.
    """
    found = (
        MetricSource.objects.using(using)
        .order_by()
        .values_list("release")
        .annotate(at=Min("started_at"))
        .order_by("at")
    )
    known = [Release(name=name, at=at) for name, at in found]
    return [one for one in known[1:] if one.at >= since]
