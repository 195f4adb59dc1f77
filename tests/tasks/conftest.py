"""Fixtures: a process with settings of its own, and a worker with a pool of any kind."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.journeys.children import Child

LIMIT_SECONDS = 20
#: So that only an announcement can explain a sweep.
SELDOM_SECONDS = 300
READY = " ready."

Start = Callable[..., Child]


@pytest.fixture
def start(child_environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Return how to start a process with our settings; it ends with the test."""
    started: list[Child] = []

    def begin(arguments: list[str], **workflow_engine: object) -> Child:
        given = {
            "EXECUTOR": "celery",
            "CACHE_ALIAS": "default",
            "OUTBOX_SWEEP_SECONDS": SELDOM_SECONDS,
            **workflow_engine,
        }
        environment = {
            **os.environ,
            **child_environment,
            "DJANGO_SETTINGS_MODULE": "tests.tasks.project",
            "WORKERS_WORKFLOW_ENGINE": json.dumps(given),
        }
        log = tmp_path / f"log-{len(started)}"
        started.append(Child(arguments, environment, log))
        return started[-1]

    yield begin
    for child in started:
        child.stop()


@pytest.fixture
def worker(start: Start) -> Start:
    """Return how to start a worker with a pool of a kind; it takes tasks when returned."""

    def begin(
        pool: str, *more: str, concurrency: int = 1, **workflow_engine: object
    ) -> Child:
        arguments = [
            *("-m", "celery", "-A", "settings", "worker", "--pool", pool),
            *("--concurrency", str(concurrency), "--loglevel", "INFO"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            *more,
        ]
        child = start(arguments, **workflow_engine)
        child.wait_to_say(READY)
        return child

    return begin
