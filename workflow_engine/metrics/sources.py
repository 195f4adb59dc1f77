"""Sources: which processes write figures, how fresh these are, and what was released when."""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, Max, Min, Q

from workflow_engine import __version__
from workflow_engine.conf import options
from workflow_engine.models.metric_source import CacheUse, MetricSource


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What is known of the processes that write figures.

    Attributes:
        flushed_at: When any last wrote; None: none ever did.
        living: How many wrote in the last hour and have not ended, or are silent.
        silent: How many of them had more to write, and did not.
        silent_since: When the first of those last wrote; None without any.
        given_up: How many of the others do without their cache for the time being.
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


def read_sources(using: str, now: datetime, since: datetime | None = None) -> Sources:
    """Return what is known at a moment; one query.

    A silent process is told of for an hour, so that one that was killed on purpose warns
    nobody for days. Whoever shows figures gives `since` when these begin: what it has not
    written is missing there as long as they reach back to it.
    """
    rows = MetricSource.objects.using(using)
    heard = Q(pk__in=rows.living(now).values("pk"))
    silent = Q(pk__in=rows.silent(now, since).values("pk"))
    given_up = heard & ~silent & Q(cache_use=CacheUse.GIVEN_UP)
    found = rows.aggregate(
        written_at=Max("flushed_at"),
        living=Count("pk", filter=heard | silent),
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


LONGEST_HOST: Final = 150  # of its name; the rest of a source's name has room beside it


class Source:
    """This process as a source; a forked child is another one. Its callers take turns."""

    def __init__(self) -> None:
        """Have counted nothing yet."""
        self.begin_anew()
        os.register_at_fork(after_in_child=self.begin_anew)

    def begin_anew(self) -> None:
        """Be a source that has counted nothing and that nobody knows."""
        self._name = ""
        self._started_at: datetime | None = None
        self._known: MetricSource | None = None  # as it was written last

    def begin(self, now: datetime) -> datetime:
        """Begin to count, unless it has begun; return when it did."""
        if self._started_at is None:
            self._started_at = now
        return self._started_at

    def row(
        self, *, now: datetime, expected_at: datetime | None, cache_use: str
    ) -> MetricSource:
        """Return the row of this process for a flush.

        Args:
            now: When.
            expected_at: When it writes again; None: it has nothing more to write.
            cache_use: Of `CacheUse`; "" without Redis.
        """
        if not self._name:
            host = socket.gethostname()[:LONGEST_HOST]
            self._name = f"{host}:{os.getpid()}:{secrets.token_hex(4)}"
        return MetricSource(
            name=self._name,
            release=release(),
            started_at=self.begin(now),
            flushed_at=now,
            expected_at=expected_at,
            cache_use=cache_use,
        )

    def has_told(self, row: MetricSource) -> None:
        """Remember what has been written."""
        self._known = row

    @property
    def is_expected(self) -> bool:
        """Whether others expect it to write."""
        return self._known is not None and self._known.expected_at is not None

    @property
    def is_open(self) -> bool:
        """Whether others know it, and that it has not ended."""
        return self._known is not None and self._known.ended_at is None


def release() -> str:
    """Return what is deployed here: RELEASE of the project, and the version of the app."""
    ours = f"workflow_engine {__version__}"
    return f"{options.RELEASE} ({ours})" if options.RELEASE else ours


source: Final = Source()
