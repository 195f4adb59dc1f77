"""Task: an action that sends a task of the project to its workers."""

from tests.actions.receiver import Receiver
from tests.journeys.children import Child, manage, run
from tests.journeys.engine import QUEUE
from tests.journeys.rules import EVENT, event, rule, wait, wait_for_the_end
from workflow_engine import api, clock
from workflow_engine.models import Delivery, Firing
from workflow_engine.processing import schedule


def test_action__sends_a_task_by_name(worker: Child, receiver: Receiver) -> None:
    kwargs = {"address": receiver.url("/refund"), "cart": "{{ subject }}"}
    rule("task", {"task": "shop.refund", "kwargs": kwargs, "queue": QUEUE})

    api.submit_event(**EVENT)
    wait_for_the_end()
    wait(lambda: bool(receiver.requests), "the task has run")

    firing = Firing.objects.get()
    (request,) = receiver.requests
    assert (request.path, request.body) == ("/refund", b"cart-7")
    assert firing.state == "succeeded"
    assert Delivery.objects.get().endpoint == "shop.refund"
    # The task carries the name of the firing, so that its own log leads back to it.
    assert f"shop.refund[{firing.uuid}] received" in worker.said()


def test_action__sends_a_task_from_the_process_of_a_command(
    worker: Child, receiver: Receiver, journey_environment: dict[str, str]
) -> None:
    kwargs = {"address": receiver.url("/refund"), "cart": "{{ subject }}"}
    rule("task", {"task": "shop.refund", "kwargs": kwargs, "queue": QUEUE})
    schedule.enqueue_events([event()], clock.now(), None)

    once = run(
        manage("workflow_queue", "--once", "--executor", "threads"),
        journey_environment,
    )
    wait(lambda: bool(receiver.requests), "the task has run")

    assert once.returncode == 0, once.stderr
    assert Firing.objects.get().state == "succeeded"
