"""Dead items tried again, with the firings they carry out."""

from __future__ import annotations

import pytest

from tests.handlers import Outbox
from tests.processing.world import World
from workflow_engine.exceptions import Permanent
from workflow_engine.models import Firing, WorkItem
from workflow_engine.processing.retry import retry_items
from workflow_engine.queue import Draft, enqueue


@pytest.fixture
def dead(world: World, outbox: Outbox) -> WorkItem:
    """Return the item of a firing whose endpoint refused it for good, once."""
    world.detector("orders")
    world.workflow("tell", "orders")
    outbox.fail("email", Permanent("no such address"), None)
    world.one()
    world.run()
    assert world.firings() == [("email", "failed", "permanent")]
    return WorkItem.objects.get()


def test_retry__firing_is_due_with_its_item(world: World, dead: WorkItem) -> None:
    now = world.at(60).clock.now()

    revived = retry_items([dead.pk], now)

    assert revived == [dead.pk]
    dead.refresh_from_db()
    firing = Firing.objects.get()
    assert (dead.state, dead.due_at, dead.attempts) == ("scheduled", now, 0)
    assert (firing.state, firing.reason, firing.finished_at) == ("due", "sent", None)


def test_retry__succeeds_and_counts_on(
    world: World, dead: WorkItem, outbox: Outbox
) -> None:
    retry_items([dead.pk], world.at(60).clock.now())

    world.run()

    assert world.firings() == [("email", "succeeded", "sent")]
    assert [sent.attempt for sent in outbox.sent] == [2]


def test_retry__leaves_what_is_not_dead(world: World, dead: WorkItem) -> None:
    retry_items([dead.pk], world.clock.now())
    world.run()

    again = retry_items([dead.pk, dead.pk + 1], world.at(60).clock.now())

    assert again == []
    assert world.firings() == [("email", "succeeded", "sent")]


def test_retry__item_without_a_firing(world: World) -> None:
    draft = Draft(kind="event", payload={"event": 7})
    world.committing(lambda: enqueue(draft, now=world.clock.now(), direct=False))
    world.run()
    item = WorkItem.objects.get()
    assert item.state == "dead"

    assert retry_items([item.pk], world.clock.now()) == [item.pk]


def test_retry__nothing(world: World) -> None:
    assert retry_items([], world.clock.now()) == []
