"""Rows: what ten processes wrote for eight accesses, minute by minute, hour and day beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection, transaction

from workflow_engine.metrics.counts import Figure
from workflow_engine.metrics.spread import SUFFIX
from workflow_engine.models import MetricBucket, MetricSource
from workflow_engine.models.metric import Size, moments

ACCESSES: Final = (
    *("detector_ids_by_route", "detectors", "workflow_ids_by_detector", "workflows"),
    *("teams", "owners_by_team", "calendars", "quotas"),
)
PROCESSES: Final = 10
COLUMNS: Final = (
    *("size", "at", "scope", "counter", "reason"),
    *("count", "total", "highest"),
)
#: So that the clock of the pages meets whole hours for as long as they are timed.
AHEAD: Final = timedelta(hours=2)

_BY_ACCESS: Final = (
    *("hit near", "hit cell", "empty ", "miss absent"),
    *("bypass transaction", "fill stored", "forgot save:workflow"),
    *("verify checked", "verify equal", "load keys", "permit waited"),
    *("generation unchanged", "generation changed"),
)
_OTHER: Final = (
    *("fired event sent", "held event interval", "held event snoozed"),
    *("no_match event trigger", "no_match event no_detector", "failed event if"),
    *(
        "email firing sent:sent",
        "webhook firing sent:sent",
        "email firing held:interval",
    ),
    *("email delivery delivered", "webhook delivery delivered"),
    *("webhook delivery failed", " error timeout", " breaker reset"),
)
_MEASURED: Final = (
    *((access, "load", "ms") for access in ACCESSES),
    *(("email", "action", ""), ("webhook", "action", "")),
    *(("", "lateness", ""), ("", "lag", "")),
)
_BOUNDS: Final = ("1", "2", "5", "50")


def series() -> list[Figure]:
    """Return what is written for every minute."""
    names = [(access, *name.split(" ")) for access in ACCESSES for name in _BY_ACCESS]
    names += [tuple(name.split(" ")) for name in _OTHER]
    names += [
        (scope, counter + SUFFIX, bound)
        for scope, counter, _ in _MEASURED
        for bound in _BOUNDS
    ]
    counted = [_figure(number, *name) for number, name in enumerate(names)]
    return counted + [_figure(5, *name, total=12.5) for name in _MEASURED]


def fill(now: datetime, span: timedelta) -> int:
    """Write figures up to a moment and a little ahead, and who wrote them; the rows."""
    figures = series()
    hour = moments(now)[Size.HOUR]
    since, until = hour - span, hour + AHEAD
    table = connection.ops.quote_name(MetricBucket._meta.db_table)
    columns = ", ".join(map(connection.ops.quote_name, COLUMNS))
    MetricBucket.objects.all().delete()
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in _rows(figures, since, until):
                    copy.write_row(row)
        else:
            marks = ", ".join(["%s"] * len(COLUMNS))
            cursor.executemany(
                f"INSERT INTO {table} ({columns}) VALUES ({marks})",  # noqa: S608 - names
                (_plain(row) for row in _rows(figures, since, until)),
            )
    MetricSource.objects.bulk_create(
        MetricSource(
            name=f"worker-{number}",
            release="1" if number < PROCESSES // 2 else "2",
            started_at=now - timedelta(days=1 + number),
            flushed_at=now,
            expected_at=now + timedelta(hours=1),
            cache_use="used",
        )
        for number in range(PROCESSES)
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM ANALYZE {table}")  # as autovacuum does
    return MetricBucket.objects.count()


def _figure(
    number: int, scope: str, counter: str, reason: str, total: float = 0.0
) -> Figure:
    return Figure(
        scope=scope,
        counter=counter,
        reason=reason,
        count=1 + number % 7,
        total=total,
        highest=total and 40.0,
    )


def _rows(
    figures: list[Figure], since: datetime, until: datetime
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of every minute, and of each hour and day how many minutes it had."""
    minutes: dict[tuple[Size, datetime], int] = {}
    at = since
    while at < until:
        for place in moments(at).items():
            minutes[place] = minutes.get(place, 0) + 1
        at += timedelta(minutes=1)
    for (size, moment), times in minutes.items():
        for one in figures:
            count, total = one.count * times, one.total * times
            name = (one.scope, one.counter, one.reason)
            yield (size.value, moment, *name, count, total, one.highest)


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row as SQLite takes it."""
    size, at, *rest = row
    return (size, connection.ops.adapt_datetimefield_value(at), *rest)
