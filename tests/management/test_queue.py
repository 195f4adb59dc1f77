"""workflow_queue: carries out or sends what is due, and stops within bounds."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection
from pytest_django import Settings

from tests.actions.receiver import Exchange, Receiver
from tests.factories import (
    ActionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from tests.management.calls import LIMIT_SECONDS, ROOT, call, event, manage
from tests.waiting import wait_until
from workflow_engine import api, clock
from workflow_engine.lookups import workflows
from workflow_engine.models import CacheOutbox, Firing, Workflow, WorkItem
from workflow_engine.queue import Draft, enqueue

pytestmark = pytest.mark.django_db(transaction=True)

WEBHOOK = {"allow_http": True, "allow_private": True}
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def webhooks_to_this_machine(settings: Settings) -> None:
    """Accept the address of the receiver in the test's own process too."""
    settings.WORKFLOW_ENGINE = {"EXECUTOR": "threads", "WEBHOOK": WEBHOOK}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a server that answers 200."""
    one = Receiver()
    yield one
    one.stop()


@pytest.fixture
def queue(
    beside: Callable[..., dict[str, str]],
) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Return how to start the queue as a process; it ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(**workflow_engine: object) -> "subprocess.Popen[str]":
        settings = {"WEBHOOK": WEBHOOK, "POLL_SECONDS": 0.1, **workflow_engine}
        child = subprocess.Popen(
            [sys.executable, "manage.py", "workflow_queue"],
            cwd=ROOT,
            env=beside(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(child)
        assert child.stderr is not None
        assert select.select([child.stderr], [], [], LIMIT_SECONDS)[0]
        assert child.stderr.readline() == (
            "running, items are carried out by threads here "
            "(Ctrl-C: finish what runs; again: end at once)\n"
        )
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate(timeout=LIMIT_SECONDS)


def _rule(receiver: Receiver, delay: int = 0) -> None:
    detector, workflow = DetectorFactory(), WorkflowFactory()
    DetectorWorkflowFactory(detector=detector, workflow=workflow)
    GroupActionFactory(
        group=ConditionGroupFactory(if_group=True, workflow=workflow),
        action=ActionFactory(kind="webhook", config={"url": receiver.url()}),
        delay=delay,
    )


def _wait_for(state: str, count: int = 1) -> None:
    wait_until(
        lambda: WorkItem.objects.filter(state=state).count() == count,
        f"{count} items are {state}",
        limit_seconds=LIMIT_SECONDS,
    )


class Gate:
    """Answers 200, but only once it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        assert self.opened.wait(LIMIT_SECONDS)
        exchange.answer(200)


@pytest.fixture
def gate(receiver: Receiver) -> Iterator[Gate]:
    """Yield the gate of the receiver, shut."""
    receiver.answer = one = Gate()
    yield one
    one.opened.set()


def test_once__nothing_is_due() -> None:
    enqueue(
        Draft(kind="event", payload={}, due_at=clock.now() + timedelta(hours=1)),
        now=clock.now(),
        direct=False,
    )

    said = call("workflow_queue", "--once")
    as_json = call("workflow_queue", "--once", "--json")

    assert (said.code, said.out, said.err) == (0, "began 0 items, 0 failed\n", "")
    assert as_json.lines() == [{"began": 0, "failed": 0}]
    assert WorkItem.objects.get().state == "scheduled"


def test_once__paused() -> None:
    enqueue(Draft(kind="event", payload={}), now=clock.now(), direct=False)
    api.pause(by="anna", why="deploy")

    said = call("workflow_queue", "--once")

    assert said.out == "began 0 items, 0 failed\n"
    assert said.err == (
        "paused by anna 0 s ago (deploy), until somebody resumes: nothing is begun\n"
    )
    assert WorkItem.objects.get().state == "scheduled"


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.django_db(transaction=True)
def test_once__forgets_what_is_owed(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"EXECUTOR": "threads", "CACHE_ALIAS": "default"}
    workflow = WorkflowFactory(name="old")
    workflows.get(workflow.pk)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE workflow_engine_workflow SET name = 'new'")

    call("workflow_queue", "--once")

    found = workflows.get(workflow.pk)
    assert getattr(found, "name", None) == "new"
    assert not CacheOutbox.objects.exists()


def test_once__says_what_failed(receiver: Receiver, write: Callable[..., str]) -> None:
    receiver.answer = lambda exchange: exchange.answer(500)
    _rule(receiver)
    call("workflow_events", write(event(1)), "--submit")

    said = call("workflow_queue", "--once")
    nothing_due = call("workflow_queue", "--once", "--json")

    assert (said.code, said.out) == (1, "began 2 items, 1 failed\n")
    assert nothing_due.lines() == [{"began": 0, "failed": 0}]
    assert Firing.objects.get().state == "retrying"


def test_once__carries_out_what_is_due(
    rule: Workflow, write: Callable[..., str]
) -> None:
    call("workflow_events", write(event(1)), "--submit")

    said = call("workflow_queue", "--once")

    assert said.out == "began 2 items, 0 failed\n"
    assert Firing.objects.get().state == "succeeded"
    assert not WorkItem.objects.live().exists()


@pytest.mark.postgres
def test_queue__item_that_comes_due(
    queue: Start, receiver: Receiver, write: Callable[..., str]
) -> None:
    _rule(receiver, delay=1)
    queue()

    call("workflow_events", write(event(1)), "--submit")
    _wait_for("done", 2)

    firing = Firing.objects.get()
    started_at = WorkItem.objects.get(kind="act").started_at
    assert firing.state == "succeeded"
    assert started_at is not None
    assert started_at >= firing.due_at
    assert len(receiver.requests) == 1


@pytest.mark.postgres
@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name
)
def test_queue__stopped_while_idle(queue: Start, number: signal.Signals) -> None:
    child = queue()

    os.kill(child.pid, number)
    out, error = child.communicate(timeout=LIMIT_SECONDS)

    assert (child.returncode, out) == (0, "")
    assert error == "stopped, nothing runs any more\n"


@pytest.mark.postgres
def test_queue__stop_finishes_what_runs_and_begins_nothing(
    queue: Start, receiver: Receiver, gate: Gate, write: Callable[..., str]
) -> None:
    _rule(receiver)
    child = queue(RUNNER_THREADS=1)
    call("workflow_events", write(event(1), event(2)), "--submit")
    wait_until(
        lambda: (
            len(receiver.requests) == 1
            and WorkItem.objects.filter(state="sent").exists()
        ),
        "one action runs and another waits for the thread",
        limit_seconds=LIMIT_SECONDS,
    )

    os.kill(child.pid, signal.SIGTERM)
    _wait_for("scheduled", 1)
    gate.opened.set()
    child.communicate(timeout=LIMIT_SECONDS)

    assert child.returncode == 0
    assert Firing.objects.filter(state="succeeded").count() == 1
    left = WorkItem.objects.live().get()
    assert (left.state, left.attempts) == ("scheduled", 0)
    assert len(receiver.requests) == 1


@pytest.mark.postgres
def test_queue__stop_does_not_wait_for_ever(
    queue: Start, receiver: Receiver, gate: Gate, write: Callable[..., str]
) -> None:
    _rule(receiver)
    child = queue(RUNNER_DRAIN_SECONDS=0.2)
    call("workflow_events", write(event(1)), "--submit")
    wait_until(
        lambda: bool(receiver.requests),
        "the action runs",
        limit_seconds=LIMIT_SECONDS,
    )

    began = clock.monotonic()
    os.kill(child.pid, signal.SIGTERM)
    _, error = child.communicate(timeout=LIMIT_SECONDS)

    assert child.returncode == 1
    assert clock.monotonic() - began < 8  # far from the ten seconds of a webhook
    assert error == (
        "stopped; what did not end in 0.2 s is taken up again 120 s after it began\n"
    )
    item = WorkItem.objects.get(kind="act")
    assert (item.state, item.attempts) == ("running", 1)


@pytest.mark.postgres
def test_queue__says_that_it_is_paused_and_goes_on(
    queue: Start, write: Callable[..., str]
) -> None:
    api.pause(timedelta(minutes=10))
    child = queue()
    assert child.stderr is not None
    call("workflow_events", write(event(1)), "--submit")

    paused = child.stderr.readline()
    accepted = WorkItem.objects.live().count()
    api.resume()
    over = child.stderr.readline()
    _wait_for("done")

    assert paused == (
        "paused: nothing is begun (workflow_status: by whom, why, until when)\n"
    )
    assert (accepted, over) == (1, "the pause is over\n")


@pytest.mark.postgres
def test_queue__second_signal_ends_it_at_once(
    queue: Start, receiver: Receiver, gate: Gate, write: Callable[..., str]
) -> None:
    _rule(receiver)
    child = queue(RUNNER_THREADS=1)
    call("workflow_events", write(event(1), event(2)), "--submit")
    wait_until(
        lambda: (
            len(receiver.requests) == 1
            and WorkItem.objects.filter(state="sent").exists()
        ),
        "one action runs and another waits for the thread",
        limit_seconds=LIMIT_SECONDS,
    )
    os.kill(child.pid, signal.SIGINT)
    _wait_for("scheduled", 1)  # the first signal has been heard

    os.kill(child.pid, signal.SIGINT)
    _, error = child.communicate(timeout=LIMIT_SECONDS)

    assert child.returncode == 130
    assert error.endswith("CommandError: Interrupted.\n")


@pytest.mark.redis
@pytest.mark.postgres
def test_once__broker_is_away(
    rule: Workflow,
    beside: Callable[..., dict[str, str]],
    write: Callable[..., str],
) -> None:
    call("workflow_events", write(event(1)), "--submit")
    away = {**beside(), "COMMANDS_BROKER_URL": "redis://127.0.0.1:1/0"}

    done = manage(away, "workflow_queue", "--once", "--executor", "celery")

    assert done.returncode == 3
    assert done.stderr.startswith("CommandError: The broker did not take 1 items: ")
    assert WorkItem.objects.get().state == "scheduled"
