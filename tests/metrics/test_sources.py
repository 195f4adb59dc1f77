"""Sources: who writes, who should and does not, and what was released when."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from workflow_engine.metrics.sources import (
    Release,
    Source,
    Sources,
    read_sources,
    releases_since,
)
from workflow_engine.metrics.windows import window_of
from workflow_engine.models import MetricSource
from workflow_engine.models.metric_source import GRACE, HEARD
from workflow_engine.status import cache_figures, event_figures

NOW = datetime(2026, 5, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def told(
    name: str,
    *,
    release: str = "r1",
    began: timedelta = HOUR,
    flushed: timedelta = SECOND,
    **more: object,
) -> None:
    MetricSource.objects.create(
        name=name,
        release=release,
        started_at=NOW - began,
        flushed_at=NOW - flushed,
        **more,
    )


@pytest.mark.django_db
def test_read_sources__nobody_ever_wrote() -> None:
    assert read_sources("default", NOW) == Sources(
        flushed_at=None, living=0, silent=0, silent_since=None, given_up=0
    )


@pytest.mark.django_db
def test_read_sources__who_lives_and_who_is_silent(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    told("writes", expected_at=NOW + SECOND, cache_use="used")
    told("late", flushed=40 * SECOND, expected_at=NOW - GRACE)
    told("rests", flushed=HEARD, cache_use="given_up")
    told("silent", flushed=MINUTE, expected_at=NOW - GRACE - SECOND)
    told("silent too", flushed=9 * MINUTE, expected_at=NOW - HOUR, cache_use="given_up")
    told("ended", flushed=MINUTE, ended_at=NOW - SECOND, cache_use="given_up")
    told("killed long ago", flushed=HEARD + SECOND, expected_at=NOW - HEARD)
    told("rests for long", flushed=HEARD + SECOND, cache_use="given_up")

    with django_assert_num_queries(1):
        found = read_sources("default", NOW)

    assert found == Sources(
        flushed_at=NOW - SECOND,
        living=5,
        silent=2,
        silent_since=NOW - 9 * MINUTE,
        given_up=1,
    )


@pytest.mark.django_db
def test_read_sources__silent_as_long_as_figures_reach_back_to_them() -> None:
    told("stuck", flushed=5 * HOUR, expected_at=NOW - 5 * HOUR, cache_use="given_up")
    told("stuck too", flushed=9 * HOUR, expected_at=NOW - 9 * HOUR)
    told("rests", flushed=5 * HOUR, cache_use="given_up")
    told("ended", flushed=5 * HOUR, ended_at=NOW - 5 * HOUR)
    told("writes", expected_at=NOW + SECOND)

    silent, living, given_up = (
        [
            getattr(read_sources("default", NOW, since), name)
            for since in (None, NOW - MINUTE, NOW - 8 * HOUR, NOW - 9 * HOUR)
        ]
        for name in ("silent", "living", "given_up")
    )

    assert silent == [0, 0, 1, 2]
    assert living == [1, 1, 2, 3]
    assert given_up == [0, 0, 0, 0]


@pytest.mark.django_db
def test_read_sources__pages_tell_of_the_silent_in_their_window() -> None:
    told("stuck", flushed=5 * HOUR, expected_at=NOW - 5 * HOUR)
    short, long = window_of("1h", NOW), window_of("8h", NOW)
    assert short
    assert long

    silent = [
        read("default", window).sources.silent
        for read in (cache_figures.read, event_figures.read)
        for window in (short, long)
    ]

    assert silent == [0, 1, 0, 1]


@pytest.mark.django_db
def test_releases_since__by_their_first_process_but_the_oldest() -> None:
    told("a", release="r1", began=50 * HOUR)
    told("b", release="r1", began=9 * HOUR)
    told("c", release="r2", began=8 * HOUR)
    told("d", release="r2", began=2 * HOUR)
    told("e", release="r3", began=HOUR)

    found = releases_since("default", NOW - 7 * HOUR)
    longer = releases_since("default", NOW - 90 * HOUR)

    assert found == [Release(name="r3", at=NOW - HOUR)]
    assert [one.name for one in longer] == ["r2", "r3"]


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_row__a_forked_child_is_another_source() -> None:
    own = Source()
    before = own.row(now=NOW, expected_at=None, cache_use="")
    reader, writer = os.pipe()

    pid = os.fork()
    if pid == 0:
        child = own.row(now=NOW + HOUR, expected_at=None, cache_use="")
        os.write(writer, f"{child.name} {child.started_at == NOW + HOUR}".encode())
        os._exit(0)
    os.waitpid(pid, 0)
    name, began_anew = os.read(reader, 500).decode().split()

    after = own.row(now=NOW + HOUR, expected_at=None, cache_use="")
    assert name.split(":")[1] == str(pid)
    assert began_anew == "True"
    assert (after.name, after.started_at) == (before.name, NOW)
