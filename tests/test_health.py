"""Health: what checks say through their real view; as the command says, and to anybody."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path
from health_check.exceptions import (
    HealthCheckException,
    ServiceUnavailable,
    ServiceWarning,
)
from health_check.views import HealthCheckView
from pytest_django import Settings

from settings.base import redis_cache
from tests.factories import WorkItemFactory
from tests.management.calls import call
from workflow_engine import clock
from workflow_engine.health import LookUps, Runners
from workflow_engine.metrics.counts import Counts
from workflow_engine.models import (
    CacheOutbox,
    Condition,
    Environment,
    MetricBucket,
    Pause,
    WorkItem,
)

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.test_health")]

CHECKS = ["workflow_engine.health.LookUps", "workflow_engine.health.Runners"]
urlpatterns = [path("health/", HealthCheckView.as_view(checks=CHECKS))]

Check = type[LookUps] | type[Runners]


@pytest.fixture(autouse=True)
def project(settings: Settings) -> None:
    """Have the settings of the tests, under names of this test alone."""
    given = {**settings.WORKFLOW_ENGINE, "CACHE_PREFIX": uuid.uuid4().hex}
    settings.WORKFLOW_ENGINE = {**given, "EXECUTOR": "threads"}


def _said(check: Check) -> str:
    """Return what a check says; "" when all is well."""
    try:
        check().run()
    except HealthCheckException as error:
        return str(error)
    return ""


def _overdue() -> None:
    WorkItemFactory(due_at=clock.now() - timedelta(minutes=5))


def _paused() -> None:
    _overdue()
    Pause.objects.create(since=clock.now(), by="ada", why="a secret")


def _stale() -> None:
    own = Counts()
    own.add("workflows", "verify", "checked", 9)
    own.add("workflows", "verify", "stale")
    MetricBucket.objects.add(own.take(), clock.now())


def _owed() -> None:
    at = clock.now() - timedelta(seconds=40)
    CacheOutbox.objects.create(source="workflow_engine_workflow", created_at=at)


def _unnoticed() -> None:
    table = Condition._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER wfe_cache_update')


def _table_missing() -> None:
    _rename(Environment._meta.db_table)


def _rename(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{table}" RENAME TO not_there_yet')


@pytest.mark.parametrize(
    ("check", "bring_about", "part", "error", "text"),
    [
        (
            Runners,
            _overdue,
            "items",
            ServiceWarning,
            "1 overdue (it is 5 min late)",
        ),
        (Runners, _paused, "items", ServiceWarning, "items are paused"),
        (
            LookUps,
            _stale,
            "look-ups",
            ServiceUnavailable,
            "1 stale of 9 verified, forgotten when found",
        ),
        pytest.param(
            *(LookUps, _owed, "look-ups", ServiceWarning),
            "outbox 1 row, the oldest 40 s old: nobody sweeps",
            marks=[pytest.mark.postgres, pytest.mark.redis],
        ),
        pytest.param(
            *(LookUps, _unnoticed, "database", ServiceUnavailable),
            f"trigger missing or disabled on {Condition._meta.db_table}",
            marks=pytest.mark.postgres,
        ),
        (
            *(LookUps, _table_missing, "database", ServiceUnavailable),
            f"not there yet: {Environment._meta.db_table}",
        ),
    ],
)
def test_check__agrees_with_the_command(
    check: Check,
    bring_about: Callable[[], None],
    part: str,
    error: type[HealthCheckException],
    text: str,
) -> None:
    bring_about()

    with pytest.raises(error) as raised:
        check().run()
    (report,) = call("workflow_status", "--json").lines()

    assert raised.value.message == text
    (found,) = (one for one in report["parts"] if one["name"] == part)
    assert found["level"] == ("error" if error is ServiceUnavailable else "warn")
    assert text in found["text"] or text == "items are paused"


def test_check__what_is_over_or_meant_is_no_illness(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {**settings.WORKFLOW_ENGINE, "CACHE_MODE": "shadow"}
    own = Counts()
    own.add("", "error", "timeout", 5)
    own.add("", "breaker", "tripped")
    MetricBucket.objects.add(own.take(), clock.now())
    WorkItemFactory(state="dead", finished_at=clock.now())
    WorkItemFactory(due_at=clock.now())

    assert (_said(LookUps), _said(Runners)) == ("", "")
    assert call("workflow_status", "--fail-on", "warn").code == 1


@pytest.mark.postgres
@pytest.mark.redis
def test_look_ups__cache_server_is_away(settings: Settings) -> None:
    settings.CACHES = {"default": redis_cache("redis://127.0.0.1:1/0")}

    said = _said(LookUps)

    assert said == (
        "Unavailable: cache 'default' was not reached: the connection to it failed"
    )


@pytest.mark.parametrize(("check", "most"), [(LookUps, 9), (Runners, 2)])
def test_check__costs(check: Check, most: int) -> None:
    with CaptureQueriesContext(connection) as queries:
        check().run()

    assert len(queries) <= most, [one["sql"] for one in queries]


def test_check__database_was_never_migrated() -> None:
    _rename(WorkItem._meta.db_table)

    said = _said(Runners)

    assert said == ("Unavailable: the database does not answer, or was never migrated")


@pytest.mark.django_db(transaction=True)
def test_view__well_and_not(settings: Settings) -> None:
    well = Client().get("/health/", {"format": "json"})
    _paused()

    ill = Client().get("/health/", {"format": "json"})

    assert (well.status_code, ill.status_code) == (200, 500)
    assert well.json() == {"LookUps()": "OK", "Runners()": "OK"}
    assert ill.json() == {"LookUps()": "OK", "Runners()": "Warning: items are paused"}


@pytest.mark.postgres  # where closing a connection ends no database
@pytest.mark.django_db(transaction=True)
def test_run__leaves_no_connection_to_a_thread() -> None:
    def connected_after(run: Callable[[], Any]) -> bool:
        run()
        return connection.connection is not None

    with ThreadPoolExecutor(1) as pool:
        asks = pool.submit(connected_after, Condition.objects.count).result(30)
        checks = pool.submit(connected_after, Runners().run).result(30)

    assert (asks, checks) == (True, False)
