"""Kills: SIGKILL at a point of the path; nothing is lost and nothing runs twice unasked."""

import os
import signal
from collections.abc import Callable

from django.db import connection, transaction

from tests.actions.receiver import Exchange, Receiver
from tests.journeys.children import Child, manage, run
from tests.journeys.engine import MAX_ATTEMPTS, QUEUE
from tests.journeys.rules import EVENT, event, rule, wait, wait_for_the_end
from workflow_engine import api, tasks
from workflow_engine.models import Delivery, EventReceipt, Firing, WorkItem
from workflow_engine.types.event import to_message

DIES_BEFORE_SENDING = """
import os
from workflow_engine import clock
from workflow_engine.processing.ledger import DatabaseLedger
from workflow_engine.processing.pipeline import process
from workflow_engine.types.event import from_message
ledger = DatabaseLedger(lambda pairs: os.kill(os.getpid(), 9))
process([from_message({message!r})], ledger, clock.now())
"""


def _somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def _kill_pool(worker: Child) -> None:
    """Kill the processes of the pool, and wait until the worker has new ones."""
    killed = worker.children()
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    wait(
        lambda: len(worker.children() - killed) >= len(killed),
        "the worker has new processes",
    )


class Killer:
    """Answers a request by killing the process that made it, `times` times; then 200."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.attempts: list[int] = []

    def __call__(self, exchange: Exchange) -> None:
        if not self.left:
            exchange.answer(200)
            return
        self.left -= 1
        item = WorkItem.objects.get(kind="act")
        self.attempts.append(item.attempts)
        os.kill(int(item.worker.rpartition(":")[2]), signal.SIGKILL)
        connection.close()


def test_event__worker_is_killed_before_the_commit(
    worker: Child, receiver: Receiver
) -> None:
    rule("webhook", {"url": receiver.url()})
    message = to_message(event())
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE workflow_engine_firing IN EXCLUSIVE MODE")
        tasks.process_event.apply_async(args=(message,), queue=QUEUE)
        wait(
            _somebody_waits_for_a_lock, "the worker stands before the table of firings"
        )
        _kill_pool(worker)
    assert not EventReceipt.objects.exists()

    tasks.process_event.apply_async(args=(message,), queue=QUEUE)
    wait_for_the_end()

    assert Firing.objects.count() == EventReceipt.objects.count() == 1
    assert len(receiver.requests) == 1


def test_event__worker_is_killed_between_commit_and_sending(
    worker: Child,
    receiver: Receiver,
    start_queue: Callable[..., Child],
    journey_environment: dict[str, str],
) -> None:
    rule("webhook", {"url": receiver.url()})
    dying = DIES_BEFORE_SENDING.format(message=to_message(event()))
    died = run(manage("shell", "-v", "0", "-c", dying), journey_environment)
    written = WorkItem.objects.get()
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert (written.state, written.token, written.sends) == ("sent", 1, 1)

    start_queue()
    wait_for_the_end()

    written.refresh_from_db()
    assert (written.state, written.attempts, written.token) == ("done", 1, 1)
    assert written.sends >= 2
    assert len(receiver.requests) == 1


def test_action__its_process_is_killed_once(
    worker: Child, receiver: Receiver, start_queue: Callable[..., Child]
) -> None:
    rule("webhook", {"url": receiver.url()})
    receiver.answer = killer = Killer(times=1)
    start_queue()

    api.submit_event(**EVENT)
    wait_for_the_end()

    firing = Firing.objects.get()
    item = WorkItem.objects.get()
    assert killer.attempts == [1]
    assert (firing.state, firing.reason, firing.attempts) == ("succeeded", "sent", 2)
    assert (item.state, item.attempts, item.token) == ("done", 2, 2)
    keys = [request.headers["webhook-id"] for request in receiver.requests]
    assert keys == [str(firing.uuid)] * 2
    assert [one.attempt for one in Delivery.objects.all()] == [2]


def test_action__its_process_is_killed_every_time(
    worker: Child, receiver: Receiver, start_queue: Callable[..., Child]
) -> None:
    rule("webhook", {"url": receiver.url()})
    receiver.answer = killer = Killer(times=10)
    start_queue()

    api.submit_event(**EVENT)
    wait_for_the_end()

    firing = Firing.objects.get()
    item = WorkItem.objects.get()
    assert killer.attempts == list(range(1, MAX_ATTEMPTS + 1))
    assert (firing.state, firing.reason) == ("failed", "attempts_used")
    assert (item.state, item.attempts) == ("dead", MAX_ATTEMPTS)
    assert item.error_class.endswith("WorkerLost")
