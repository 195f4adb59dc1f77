"""What processes counted is added up in one table, and nothing is lost or counted twice."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime

import pytest
from django.db import OperationalError, connection
from django.db.models import Sum
from django.test import override_settings

from workflow_engine.metrics import figures
from workflow_engine.metrics.counts import Counts, Figure, counts
from workflow_engine.models import MetricBucket

pytestmark = pytest.mark.usefixtures("_from_nothing")

PROGRAM = """
import django; django.setup()
from workflow_engine.metrics.counts import counts
for _ in range(100):
    counts.add("child", "hit", "near", 2)
counts.observe("child", "load", "ms", 4.0)
"""


@pytest.fixture
def _from_nothing() -> None:
    counts.take()


def total(access: str, counter: str) -> int:
    found = MetricBucket.objects.filter(scope=access, counter=counter)
    return found.aggregate(Sum("count"))["count__sum"] or 0


def test_add__exact_under_threads() -> None:
    own = Counts()

    def count() -> None:
        for _ in range(5000):
            own.add("a", "hit")
            own.observe("a", "load", "ms", 2.0)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    hit, load = own.take()
    assert (hit.count, load.count, load.total, load.highest) == (
        20_000,
        20_000,
        40_000.0,
        2.0,
    )
    assert own.take() == []


def test_add__nothing_to_count() -> None:
    own = Counts()

    own.add("a", "hit", "", 0)

    assert own.take() == []


def test_add__switched_off() -> None:
    own = Counts()

    with override_settings(WORKFLOW_ENGINE={"METRICS": False}):
        own.add("a", "hit")
        own.observe("a", "load", "ms", 1.0)

    assert own.take() == []


def test_add__tells_of_the_first_since_the_last_taking() -> None:
    own = Counts()
    told: list[None] = []
    own.on_first = lambda: told.append(None)

    own.add("a", "hit")
    own.add("b", "hit")
    own.take()
    own.add("a", "hit")

    assert len(told) == 2


@pytest.mark.django_db
def test_flush__adds_to_what_others_wrote_in_the_minute() -> None:
    for count, value in ((3, 5.0), (4, 2.0)):
        counts.add("a", "hit", "near", count)
        counts.observe("a", "load", "ms", value)
        figures.flush()

    hit, load = MetricBucket.objects.order_by("counter")
    assert (hit.scope, hit.reason, hit.count) == ("a", "near", 7)
    assert (load.count, load.total, load.highest) == (2, 7.0, 5.0)


@pytest.mark.django_db
def test_flush__nothing_was_counted(django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator] # a fixture
        assert figures.flush() == 0


@pytest.mark.django_db
def test_flush__database_away_keeps_what_was_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("away")

    counts.add("a", "hit", "near", 3)
    with connection.execute_wrapper(refuse):
        written = figures.flush()
    counts.add("a", "hit", "near", 1)

    assert written == 0
    assert [record.message for record in caplog.records] == [
        "Figures could not be written and are kept."
    ]
    assert counts.take() == [Figure(scope="a", counter="hit", reason="near", count=4)]


@pytest.mark.django_db(transaction=True)
def test_flush__at_the_end_of_every_process(child_environment: dict[str, str]) -> None:
    children = [
        subprocess.Popen([sys.executable, "-c", PROGRAM], env=child_environment)
        for _ in range(3)
    ]
    assert [child.wait(60) for child in children] == [0, 0, 0]

    assert total("child", "hit") == 600
    assert total("child", "load") == 3


@pytest.mark.django_db(transaction=True)
def test_flush__by_its_timer(child_environment: dict[str, str]) -> None:
    program = (
        PROGRAM
        + """
import os, time
from django.test import override_settings
from workflow_engine.models import MetricBucket
until = time.monotonic() + 30
while time.monotonic() < until and not MetricBucket.objects.filter(scope="child").exists():
    pass
os._exit(0)
"""
    ).replace(
        "for _ in",
        "from django.conf import settings\n"
        "from workflow_engine.conf import options\n"
        'settings.WORKFLOW_ENGINE = {"METRICS_FLUSH_SECONDS": 1}\n'
        "options.reset()\nfor _ in",
        1,
    )

    child = subprocess.run(
        [sys.executable, "-c", program],
        env=child_environment,
        timeout=60,
        check=False,
    )

    assert child.returncode == 0
    assert total("child", "hit") == 200


def test_counts__forked_child_counts_from_nothing() -> None:
    counts.add("a", "hit")
    reader, writer = os.pipe()

    pid = os.fork()
    if pid == 0:
        os.write(writer, str(len(counts.take())).encode())
        os._exit(0)
    os.waitpid(pid, 0)

    assert os.read(reader, 10) == b"0"
    assert len(counts.take()) == 1


@pytest.mark.django_db
def test_expired__older_than_the_setting_keeps() -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    for hour in (9, 10, 11):
        minute = now.replace(hour=hour)
        MetricBucket.objects.create(size="minute", at=minute, counter="hit", count=1)

    with override_settings(WORKFLOW_ENGINE={"METRICS_RETAIN_HOURS": {"minute": 2}}):
        found = figures.expired("default", now)

        assert [one.at.hour for one in found] == [9]
