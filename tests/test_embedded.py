"""Embedded: one process is enough; its threads carry out what is due now and later."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

from tests.factories import (
    ActionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from tests.waiting import wait_until
from workflow_engine import api, clock, embedded, registry
from workflow_engine.actions import Firing as Asked
from workflow_engine.actions import register_action
from workflow_engine.models import Firing, WorkItem
from workflow_engine.queue import Draft, enqueue, enqueue_many

ROOT = Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 20
EVENT: dict[str, Any] = {"type": "order.failed", "source": "/shop", "subject": "cart-7"}

pytestmark = pytest.mark.django_db(transaction=True)


class Gate:
    """An action that notes each call and waits to be let through."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.threads: set[str] = set()
        self.opened = threading.Event()
        self.opened.set()

    def __call__(self, firing: Asked, config: object) -> None:
        self.calls.append(firing.uuid)
        self.threads.add(threading.current_thread().name)
        assert self.opened.wait(LIMIT_SECONDS)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Yield the action of kind `gate`, open."""
    one = Gate()

    @register_action("gate", schema={"type": "object"})
    def act(firing: Asked, config: object) -> None:
        one(firing, config)

    yield one
    one.opened.set()
    registry.actions.unregister("gate")


@pytest.fixture(autouse=True)
def engine(settings: Settings) -> Iterator[None]:
    """Carry out by threads, and leave none behind."""
    settings.WORKFLOW_ENGINE = {
        "EXECUTOR": "threads",
        "RUNNER_THREADS": 2,
        "POLL_SECONDS": 0.05,
    }
    yield
    assert embedded.stop(LIMIT_SECONDS)


@pytest.fixture
def rule() -> Callable[..., None]:
    """Return how to have each event carry out the gate, after a delay if wanted."""

    def put(delay: int = 0) -> None:
        detector = DetectorFactory()
        workflow = WorkflowFactory()
        DetectorWorkflowFactory(detector=detector, workflow=workflow)
        GroupActionFactory(
            group=ConditionGroupFactory(if_group=True, workflow=workflow),
            action=ActionFactory(kind="gate", config={}),
            delay=delay,
        )

    return put


def _wait_for_the_end(firings: int) -> None:
    wait_until(
        lambda: (
            Firing.objects.filter(state="succeeded").count() == firings
            and not WorkItem.objects.live().exists()
        ),
        f"{firings} firings have succeeded",
        limit_seconds=LIMIT_SECONDS,
    )


def _unknown() -> Draft:
    """Return an item of which one attempt is all there is: no handler knows its kind."""
    return Draft(kind="unknown", payload={}, max_attempts=1)


def _threads() -> list[str]:
    """Return the threads that carry items out; that which writes figures is not of them."""
    names = (thread.name for thread in threading.enumerate())
    return [
        name
        for name in names
        if name.startswith("workflow-") and name != "workflow-late"
    ]


def test_submit__event_is_carried_out_by_threads(
    gate: Gate, rule: Callable[..., None]
) -> None:
    rule()

    with transaction.atomic():
        api.submit_event(**EVENT)
        api.submit_event(**EVENT)
        before = _threads()
    _wait_for_the_end(2)

    assert before == []
    assert len(gate.calls) == 2
    assert threading.current_thread().name not in gate.threads
    assert {item.attempts for item in WorkItem.objects.all()} == {1}


def test_submit__rolled_back(gate: Gate, rule: Callable[..., None]) -> None:
    rule()

    with transaction.atomic():
        api.submit_event(**EVENT)
        api.submit_event(**EVENT, durable=True)
        transaction.set_rollback(True)

    assert not WorkItem.objects.exists()
    assert _threads() == []


def test_submit__firing_that_comes_due_later(
    gate: Gate, rule: Callable[..., None]
) -> None:
    rule(delay=1)

    api.submit_event(**EVENT)
    _wait_for_the_end(1)

    firing = Firing.objects.get()
    item = WorkItem.objects.get(kind="act")
    assert firing.due_at == firing.decided_at + timedelta(seconds=1)
    assert item.started_at is not None
    assert item.started_at >= firing.due_at


def test_send_items__many_callers_make_one_runner() -> None:
    items = enqueue_many([_unknown() for _ in range(20)], now=clock.now(), direct=True)
    pairs = [(item.id, item.token) for item in items]
    callers = [
        threading.Thread(target=embedded.send_items, args=([pair],)) for pair in pairs
    ]

    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(LIMIT_SECONDS)
    assert embedded.engine().drain(LIMIT_SECONDS)

    assert _threads().count("workflow-queue") == 1
    assert set(WorkItem.objects.values_list("attempts", flat=True)) == {1}


def test_stop__gives_back_what_waits(gate: Gate, rule: Callable[..., None]) -> None:
    rule()
    gate.opened.clear()
    for _ in range(2):
        api.process_events([{"specversion": "1.0", "id": str(_), **EVENT}])
    wait_until(
        lambda: len(gate.calls) == 2, "both threads act", limit_seconds=LIMIT_SECONDS
    )
    waiting = enqueue(_unknown(), now=clock.now(), direct=True)
    embedded.send_items([(waiting.id, waiting.token)])

    stopped_in_time = embedded.stop(0)

    row = WorkItem.objects.get(pk=waiting.id)
    assert not stopped_in_time
    assert (row.state, row.attempts) == ("scheduled", 0)
    assert WorkItem.objects.filter(state="running").count() == 2
    gate.opened.set()
    wait_until(
        lambda: WorkItem.objects.filter(state="done").count() == 2,
        "the results of what still ran are taken",
        limit_seconds=LIMIT_SECONDS,
    )
    wait_until(lambda: not _threads(), "no thread is left", limit_seconds=LIMIT_SECONDS)


def test_stop__without_an_engine() -> None:
    assert embedded.stop(0)
    assert embedded.stop(0)


def test_stop__next_item_starts_another(gate: Gate, rule: Callable[..., None]) -> None:
    rule()
    api.submit_event(**EVENT)
    _wait_for_the_end(1)
    assert embedded.stop(LIMIT_SECONDS)
    assert _threads() == []

    api.submit_event(**EVENT)
    _wait_for_the_end(2)

    assert len(gate.calls) == 2


@pytest.mark.postgres
def test_engine__fork_has_one_of_its_own(child_environment: dict[str, str]) -> None:
    script = """
import os, django
django.setup()
from workflow_engine import embedded
mine = embedded.engine()
mine.start()
assert mine.is_running
child = os.fork()
if child == 0:
    other = embedded.engine()
    os._exit(0 if other is not mine and not mine.is_running else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), mine.is_running)
"""

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**child_environment, "DJANGO_SETTINGS_MODULE": "settings.test"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout.split() == ["0", "True"], done.stderr


def test_import__starts_nothing() -> None:
    script = "import threading, workflow_engine.conf; print(threading.active_count())"

    done = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup(); {script}"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "settings.test"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout.strip() == "1", done.stderr


def test_exit__of_a_script_that_submits_and_ends(
    child_environment: dict[str, str],
) -> None:
    rule = ConditionGroupFactory(role="if", workflow=WorkflowFactory(interval=0))
    log = ActionFactory(kind="log", config={"message": "heard", "level": "info"})
    GroupActionFactory(group=rule, action=log)
    DetectorWorkflowFactory(
        detector=DetectorFactory(event_type="order.failed", kind="event", config={}),
        workflow=rule.workflow,
    )
    script = (
        "import django; from django.conf import settings\n"
        "settings.WORKFLOW_ENGINE = {'EXECUTOR': 'threads'}\n"
        "django.setup(); from workflow_engine import api\n"
        "for n in range(5): api.submit_event(type='order.failed', source=f'/{n}')"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**child_environment, "DJANGO_SETTINGS_MODULE": "settings.test"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    states = Firing.objects.values_list("state", flat=True)
    assert list(states) == ["succeeded"] * 5, done.stderr
    assert set(WorkItem.objects.values_list("state", flat=True)) == {"done"}
