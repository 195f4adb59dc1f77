"""Broker: away while events are submitted; they become items and lose nothing."""

import msgspec
import pytest

from tests.actions.receiver import Receiver
from tests.journeys.children import Child, manage, run
from tests.journeys.rules import EVENT, LIMIT_SECONDS, rule, wait_for_the_end
from workflow_engine import clock
from workflow_engine.models import Firing, WorkItem

AWAY = {"JOURNEY_BROKER_URL": "redis://127.0.0.1:1/0"}  # where nobody listens


@pytest.mark.parametrize("durable", [False, True], ids=["plain", "durable"])
def test_event__broker_refuses(
    worker: Child,
    receiver: Receiver,
    journey_environment: dict[str, str],
    durable: bool,
) -> None:
    rule("webhook", {"url": receiver.url()})
    away = journey_environment | AWAY
    call = (
        "from workflow_engine import api; "
        f"api.submit_event(**{EVENT!r}, id='evt-1', durable={durable})"
    )

    began = clock.monotonic()
    submitted = run(manage("shell", "-v", "0", "-c", call), away)
    took = clock.monotonic() - began
    item = WorkItem.objects.get()
    once = run(manage("workflow_queue", "--once", "--json"), journey_environment)
    wait_for_the_end()

    assert submitted.returncode == 0, submitted.stderr
    assert took < LIMIT_SECONDS
    assert (item.kind, item.state, item.attempts) == ("event", "scheduled", 0)
    assert once.returncode == 0, once.stderr
    assert msgspec.json.decode(once.stdout) == {"sent": 1}
    item.refresh_from_db()
    assert (item.state, item.attempts) == ("done", 1)
    assert Firing.objects.get().event_id == "evt-1"
    assert len(receiver.requests) == 1


def test_event__broker_refuses_and_threads_carry_out(
    transactional_db: None, receiver: Receiver, journey_environment: dict[str, str]
) -> None:
    rule("webhook", {"url": receiver.url()})
    away = journey_environment | AWAY
    call = f"from workflow_engine import api; api.submit_event(**{EVENT!r})"
    run(manage("shell", "-v", "0", "-c", call), away)

    once = run(manage("workflow_queue", "--once", "--executor", "threads"), away)

    assert once.returncode == 0, once.stderr
    assert Firing.objects.get().state == "succeeded"
    assert not WorkItem.objects.live().exists()
    assert len(receiver.requests) == 1
