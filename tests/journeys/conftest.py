"""Fixtures: a worker for all journeys, a queue for each that wants one, and a receiver."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings as project
from django.db import connection
from pytest_django import Settings

from tests.actions.receiver import Receiver
from tests.journeys.children import Child, manage
from tests.journeys.engine import ENGINE, QUEUE
from tests.waiting import wait_until

HERE = Path(__file__).parent
SETTLE_SECONDS = 30


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test beside this file: each needs all three."""
    for item in items:
        if HERE in item.path.parents:
            for mark in (pytest.mark.celery, pytest.mark.postgres, pytest.mark.redis):
                item.add_marker(mark)


@pytest.fixture(scope="session")
def journey_environment(django_db_setup: None) -> dict[str, str]:
    """Return the environment of a process that sees the test database and our settings."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.journeys.project",
        "WORKFLOW_TEST_POSTGRES_NAME": str(connection.settings_dict["NAME"]),
    }


@pytest.fixture(scope="session")
def shared_worker(
    journey_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Child]:
    """Yield a Celery worker with two processes; it ends with the run."""
    child = Child(
        # As a project starts it, and quick to start.
        [
            *("-m", "celery", "-A", "settings", "worker"),
            *("--pool", "prefork", "--concurrency", "2", "--queues", QUEUE),
            *("--loglevel", "INFO", "--without-gossip", "--without-mingle"),
        ],
        journey_environment,
        tmp_path_factory.mktemp("worker") / "log",
    )
    try:
        child.wait_to_say(" ready.")
        yield child
    finally:
        child.stop()


class Broker:
    """The worker's queue, as the broker holds it."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url)

    def waiting(self) -> int:
        """Return how many messages nobody has taken."""
        return int(self._redis.llen(QUEUE))

    def unacknowledged(self) -> int:
        """Return how many messages were taken and not acknowledged."""
        return int(self._redis.hlen("unacked"))

    def is_empty(self) -> bool:
        return not self.waiting() and not self.unacknowledged()

    def close(self) -> None:
        self._redis.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    """Yield the broker of the worker."""
    one = Broker(str(project.CELERY_BROKER_URL))
    yield one
    one.close()


@pytest.fixture
def worker(
    transactional_db: None, shared_worker: Child, broker: Broker
) -> Iterator[Child]:
    """Yield the worker; it has nothing left to do when the test is over."""
    assert broker.is_empty()
    yield shared_worker
    wait_until(broker.is_empty, "every message is done", limit_seconds=SETTLE_SECONDS)
    assert shared_worker.exit_code is None, shared_worker.said()


@pytest.fixture
def start_queue(
    journey_environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., Child]]:
    """Return how to start `workflow_queue` beside the test; it ends with it."""
    started: list[Child] = []

    def start(*arguments: str) -> Child:
        child = Child(
            manage("workflow_queue", *arguments),
            journey_environment,
            tmp_path / f"queue-{len(started)}",
        )
        started.append(child)
        child.wait_to_say("running")
        return child

    yield start
    for child in started:
        child.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a server that answers 200."""
    one = Receiver()
    yield one
    one.stop()


@pytest.fixture(autouse=True)
def engine(settings: Settings) -> None:
    """Give the test's own process the settings of the others."""
    settings.WORKFLOW_ENGINE = ENGINE
