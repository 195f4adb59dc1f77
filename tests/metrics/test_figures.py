"""What processes counted is added up in one table, and nothing is lost or counted twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.models import Sum
from django.test import override_settings
from pytest_django import DjangoAssertNumQueries, Settings

from tests.queue.threads import LIMIT_SECONDS, elsewhere
from tests.waiting import wait_until
from workflow_engine import __version__
from workflow_engine.metrics import figures
from workflow_engine.metrics.counts import Counts, counts
from workflow_engine.metrics.figures import TURN_SECONDS, Figures
from workflow_engine.metrics.forgets import Forgotten, forgets
from workflow_engine.metrics.sources import read_sources
from workflow_engine.models import CacheForget, MetricBucket, MetricSource
from workflow_engine.models.metric_source import GRACE, CacheUse

pytestmark = pytest.mark.usefixtures("_from_nothing")

PROGRAM = """
import django; django.setup()
from workflow_engine.metrics.counts import counts
for _ in range(100):
    counts.add("child", "hit", "near", 2)
counts.observe("child", "load", "ms", 4.0)
"""


LATE = "workflow-late"


@pytest.fixture
def _from_nothing() -> None:
    counts.take()
    forgets.take()


@pytest.fixture
def _no_timer() -> Iterator[None]:
    """No timer is armed by what was counted before, and none is left."""
    figures.discard()
    wait_for_the_timer_to_end()
    yield
    figures.discard()
    wait_for_the_timer_to_end()


def wait_for_the_timer_to_end() -> None:
    wait_until(
        lambda: all(one.name != LATE for one in threading.enumerate()),
        "the timer has ended",
        limit_seconds=10,
    )


def total(access: str, counter: str) -> int:
    """Return what one counter came to, which minutes, hours and days must agree on."""
    found = MetricBucket.objects.filter(scope=access, counter=counter).order_by()
    sums: dict[str, int] = dict(found.values_list("size").annotate(Sum("count")))
    assert len(set(sums.values())) <= 1, sums
    return sums.get("minute", 0)


def forgotten(access: str = "workflows") -> Forgotten:
    return Forgotten(
        at=datetime(2026, 5, 2, tzinfo=UTC),
        access=access,
        cause="save:workflow",
        count=2,
        keys=("1", "a\0b"),
        rows=("7",),
        author="x" * 200,
    )


def _cut() -> None:
    """End the connection of this thread, which does not notice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.close()


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

    hit, load, spread = own.take()
    assert (spread.counter, spread.reason, spread.count) == ("load.le", "2", 20_000)
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

    def tell() -> bool:
        told.append(None)
        return True

    own.on_first = tell

    own.add("a", "hit")
    own.add("b", "hit")
    own.take()
    own.add("a", "hit")

    assert len(told) == 2


@pytest.mark.django_db(transaction=True)
def test_flush__adds_to_what_others_wrote_in_the_minute() -> None:
    for count, value in ((3, 5.0), (4, 2.0)):
        counts.add("a", "hit", "near", count)
        counts.observe("a", "load", "ms", value)
        figures.flush()

    hit, load, *spread = MetricBucket.objects.filter(size="minute").order_by("counter")
    assert (hit.scope, hit.reason, hit.count) == ("a", "near", 7)
    assert (load.count, load.total, load.highest) == (2, 7.0, 5.0)
    assert {(one.counter, one.reason, one.count) for one in spread} == {
        ("load.le", "2", 1),
        ("load.le", "5", 1),
    }


@pytest.mark.django_db(transaction=True)
def test_flush__tells_when_it_writes_again_and_once_that_it_does_not(
    django_assert_num_queries: DjangoAssertNumQueries, settings: Settings
) -> None:
    settings.WORKFLOW_ENGINE = {"METRICS_FLUSH_SECONDS": 60, "RELEASE": "2026.5.1"}
    counts.add("a", "hit")
    figures.flush()
    counting = MetricSource.objects.get()

    assert figures.flush() == 0
    resting = MetricSource.objects.get()
    with django_assert_num_queries(0):
        figures.flush()

    assert counting.expected_at == counting.flushed_at + timedelta(minutes=1)
    assert counting.started_at <= counting.flushed_at
    assert counting.release == f"2026.5.1 (workflow_engine {__version__})"
    assert (resting.pk, resting.expected_at) == (counting.pk, None)
    assert (resting.started_at, resting.ended_at) == (counting.started_at, None)


@pytest.mark.django_db(transaction=True)
def test_end__says_so_and_counting_takes_it_back() -> None:
    counts.add("a", "hit")
    figures.flush()

    figures.end()
    ended = MetricSource.objects.get()
    counts.add("a", "hit")
    figures.flush()
    back = MetricSource.objects.get()

    assert (ended.ended_at, ended.expected_at) == (ended.flushed_at, None)
    assert (back.pk, back.ended_at) == (ended.pk, None)
    assert total("a", "hit") == 2


@pytest.mark.django_db(transaction=True)
def test_end__of_a_process_that_counted_nothing() -> None:
    figures.end()

    assert MetricSource.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_end__waits_for_a_flush_under_way() -> None:
    is_writing, may_write = threading.Event(), threading.Event()

    def hold(execute: Callable[..., object], *rest: object) -> object:
        is_writing.set()
        assert may_write.wait(LIMIT_SECONDS)
        return execute(*rest)

    def flush_slowly() -> int:
        with connection.execute_wrapper(hold):
            return figures.flush()

    counts.add("a", "hit")
    flushing = elsewhere(flush_slowly)
    assert is_writing.wait(LIMIT_SECONDS)
    ending = elsewhere(figures.end)
    with pytest.raises(TimeoutError):
        ending.result(0.2)
    may_write.set()
    ending.result(LIMIT_SECONDS)

    assert flushing.result(LIMIT_SECONDS) == 1
    assert MetricSource.objects.get().ended_at is not None


@pytest.mark.django_db(transaction=True)
def test_flush__while_threads_count() -> None:
    def count() -> None:
        for _ in range(2000):
            counts.add("a", "hit")
            counts.observe("a", "load", "ms", 1.0)

    counting = [elsewhere(count) for _ in range(4)]
    while not all(one.done() for one in counting):
        figures.flush()
    figures.flush()

    assert (total("a", "hit"), total("a", "load")) == (8000, 8000)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_end__its_connection_died_unnoticed() -> None:
    counts.add("a", "hit")
    connection.ensure_connection()
    _cut()

    figures.end()

    assert total("a", "hit") == 1


@pytest.mark.django_db(transaction=True)
def test_flush__of_what_use_the_cache_is() -> None:
    own = Figures(lambda: CacheUse.GIVEN_UP)
    counts.add("a", "hit")

    own.flush()
    own.discard()

    assert MetricSource.objects.get().cache_use == "given_up"


@pytest.mark.django_db(transaction=True)
def test_flush__not_in_a_transaction(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    counts.add("a", "hit")
    with transaction.atomic(), django_assert_num_queries(0):
        within = figures.flush()

    assert (within, figures.flush()) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_flush__who_has_given_the_cache_up_says_so_again() -> None:
    used = ["given_up", "given_up", "used"]
    own = Figures(cache_use=lambda: used.pop(0))
    counts.add("a", "hit")

    rows = []
    for _ in range(3):
        own.flush()
        rows.append(MetricSource.objects.get())

    assert [row.expected_at is None for row in rows] == [False, False, True]
    assert [row.cache_use for row in rows] == ["given_up", "given_up", "used"]
    assert rows[0].flushed_at < rows[1].flushed_at
    own.discard()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_flush__is_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    counts.add("a", "hit")
    forgets.note(forgotten())

    with django_assert_num_queries(1):
        figures.flush()

    assert CacheForget.objects.count() == 1


def refuse(*_: object) -> None:
    raise OperationalError("away")


@pytest.mark.django_db(transaction=True)
def test_flush__database_away_keeps_what_was_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counts.add("a", "hit", "near", 3)
    forgets.note(forgotten(access="first"))
    with connection.execute_wrapper(refuse):
        written = [figures.flush(), figures.flush()]
    counts.add("a", "hit", "near", 1)
    forgets.note(forgotten(access="second"))

    figures.flush()

    assert written == [0, 0]
    assert [record.message for record in caplog.records] == [
        "Figures could not be written and are kept."
    ]
    assert total("a", "hit") == 4
    assert list(
        CacheForget.objects.order_by("pk").values_list("access", flat=True)
    ) == ["first", "second"]


@pytest.mark.django_db(transaction=True)
def test_flush__database_away_is_silence_to_others(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"METRICS_FLUSH_SECONDS": 60}
    counts.add("a", "hit")
    figures.flush()
    expected_at = MetricSource.objects.get().expected_at
    assert expected_at

    counts.add("a", "hit")
    with connection.execute_wrapper(refuse):
        figures.flush()
    in_time, late = (
        read_sources("default", expected_at + GRACE + timedelta(seconds=after))
        for after in (-1, 1)
    )
    figures.flush()
    back = read_sources("default", expected_at + timedelta(seconds=1))

    assert (in_time.living, in_time.silent) == (1, 0)
    assert (late.living, late.silent, late.silent_since) == (1, 1, late.flushed_at)
    assert (back.living, back.silent) == (1, 0)


def test_discard__leaves_nothing_to_a_timer() -> None:
    counts.add("a", "hit")
    forgets.note(forgotten())

    figures.discard()

    assert counts.take() == []
    assert forgets.take() == []
    wait_for_the_timer_to_end()


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


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_no_timer")
def test_flush__by_its_timer_though_no_thread_could_start_at_first(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WORKFLOW_ENGINE = {"METRICS_FLUSH_SECONDS": 1}

    def refuse_start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse_start)
        counts.add("a", "hit")
    counts.add("a", "hit")

    wait_until(lambda: total("a", "hit") == 2, "both are written", limit_seconds=10)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_no_timer")
def test_flush__by_its_timer_with_autocommit_off(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WORKFLOW_ENGINE = {"METRICS_FLUSH_SECONDS": 1}
    connection.ensure_connection()  # this thread's has it on
    default = connections.settings["default"]
    monkeypatch.setitem(default, "AUTOCOMMIT", False)
    monkeypatch.setitem(default, "CONN_MAX_AGE", None)
    monkeypatch.setitem(default["TEST"], "NAME", "other")  # else it would not be kept

    for times in (1, 2):
        counts.add("a", "hit")
        wait_until(
            lambda: total("a", "hit") == times,  # noqa: B023 - called in this turn only
            "it is written",
            limit_seconds=10,
        )


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_discard__in_a_child_forked_during_a_flush() -> None:
    is_writing, may_end = threading.Event(), threading.Event()

    def hold() -> str:
        is_writing.set()
        assert may_end.wait(LIMIT_SECONDS)
        return ""

    own = Figures(hold)
    counts.add("a", "hit")
    flushing = elsewhere(own.flush)
    assert is_writing.wait(LIMIT_SECONDS)

    pid = os.fork()
    if pid == 0:
        signal.alarm(int(TURN_SECONDS / 2))  # which ends it
        own.discard()
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    may_end.set()
    flushing.exception(LIMIT_SECONDS)

    assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
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
