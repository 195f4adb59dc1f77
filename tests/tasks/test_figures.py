"""Figures of real workers of each kind: their sums are what was done, to the last one."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import Sum
from kombu import Queue

from settings.celery import app
from tests.tasks.conftest import LIMIT_SECONDS, Start
from tests.tasks.looking import HANDS
from tests.waiting import wait_until, wait_until_gone
from workflow_engine import clock
from workflow_engine.metrics.lines import READS
from workflow_engine.metrics.reading import figures_ever
from workflow_engine.metrics.sources import read_sources
from workflow_engine.models import MetricBucket, MetricSource
from workflow_engine.models.metric_source import GRACE

pytestmark = [
    pytest.mark.celery,
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.django_db(transaction=True),
]

TASKS = 24
DETECTOR_IDS = [1, 2, 3]
QUEUE = "beside"
SLACK_SECONDS = 2  # of a timer and a statement on a busy machine


@pytest.fixture
def _no_messages() -> Iterator[None]:
    """Leave no message of a test to the workers of another."""
    yield
    with app.connection_for_write() as broker:
        Queue(QUEUE)(broker.default_channel).purge()


def send(folder: Path, numbers: range) -> None:
    for number in numbers:
        app.send_task("tests.look_up", (str(folder), number, DETECTOR_IDS), queue=QUEUE)


def wait_until_done(folder: Path, count: int) -> None:
    wait_until(
        lambda: len(list(folder.glob("done-*"))) == count,
        f"{count} tasks are done",
        limit_seconds=LIMIT_SECONDS,
    )


def sums(scope: str, size: str) -> Counter[str]:
    rows = MetricBucket.objects.filter(scope=scope, size=size).order_by()
    return Counter(dict(rows.values_list("counter").annotate(Sum("count"))))


@pytest.mark.usefixtures("_no_messages")
@pytest.mark.parametrize(
    ("pool", "more", "seconds"),
    [
        # In a minute only the end of a process writes, in a second its timer does too.
        pytest.param("prefork", ("--max-tasks-per-child", "5"), 60, id="prefork"),
        pytest.param("threads", (), 60, id="threads"),
        pytest.param("gevent", (), 1, id="gevent"),
    ],
)
def test_figures__exact_after_a_warm_shutdown(
    worker: Start, pool: str, more: tuple[str, ...], seconds: int, tmp_path: Path
) -> None:
    child = worker(pool, *more, concurrency=HANDS, METRICS_FLUSH_SECONDS=seconds)
    send(tmp_path, range(TASKS))
    wait_until_done(tmp_path, TASKS)

    assert child.stop() == 0

    assert "Traceback" not in child.said()
    for size in ("minute", "hour", "day"):
        assert sums("script", size) == {
            "event": sum(range(TASKS)),
            "action": TASKS,
            "action.le": TASKS,
        }
        asked = sums("workflow_ids_by_detector", size)
        assert sum(asked[name] for name in READS) == TASKS * len(DETECTOR_IDS)
    (action,) = [one for one in figures_ever("default") if one.counter == "action"]
    assert (action.total, action.highest) == (float(sum(range(TASKS))), TASKS - 1)
    pids = {path.read_text() for path in tmp_path.glob("done-*")}
    known = MetricSource.objects.values_list("name", flat=True)
    assert pids <= {name.split(":")[1] for name in known}
    assert len(pids) >= (HANDS if pool == "prefork" else 1)
    others = MetricSource.objects.exclude(name__contains=f":{os.getpid()}:")
    assert not others.filter(ended_at=None).exists()


@pytest.mark.usefixtures("_no_messages")
def test_figures__of_a_worker_that_is_killed(worker: Start, tmp_path: Path) -> None:
    child = worker("threads", METRICS_FLUSH_SECONDS=1)
    steps = tmp_path / "steps"
    app.send_task("tests.count_on", (str(steps),), queue=QUEUE)
    wait_until(
        lambda: sums("script", "day")["event"] > 0,
        "the timer has written",
        limit_seconds=LIMIT_SECONDS,
    )

    killed_at = clock.monotonic()
    os.kill(child.pid, signal.SIGKILL)
    wait_until_gone([child.pid], limit_seconds=LIMIT_SECONDS)

    written = sums("script", "day")["event"]
    lost = [float(line) for line in steps.read_text().splitlines()][written:]
    assert all(at > killed_at - 1 - SLACK_SECONDS for at in lost)
    found = read_sources("default", clock.now() + GRACE + timedelta(seconds=2))
    assert (found.living, found.silent) == (1, 1)
