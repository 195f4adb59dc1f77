"""Items and firings as they are read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.factories import (
    FiringFactory,
    WorkItemFactory,
)
from workflow_engine.models import (
    Firing,
    WorkItem,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


def test_items__due_first_due_first() -> None:
    later = WorkItemFactory(due_at=NOW)
    first = WorkItemFactory(due_at=NOW - DAY)
    WorkItemFactory(due_at=NOW + MICROSECOND)
    WorkItemFactory(due_at=NOW - DAY, sent=True)

    assert list(WorkItem.objects.due_before(NOW)) == [first, later]


def test_items__live_or_terminal() -> None:
    live = [
        WorkItemFactory(),
        WorkItemFactory(sent=True),
        WorkItemFactory(running=True),
    ]
    terminal = [
        WorkItemFactory(done=True),
        WorkItemFactory(cancelled=True),
        WorkItemFactory(dead=True),
    ]

    assert set(WorkItem.objects.live()) == set(live)
    assert set(WorkItem.objects.terminal()) == set(terminal)


def test_item__knows_its_firing_by_the_idempotency_key() -> None:
    firing = FiringFactory()

    item = WorkItemFactory(firing=firing)

    assert WorkItem.objects.get(pk=item.pk).firing_id == firing.uuid


def test_firings__open_or_ended() -> None:
    opened = [
        FiringFactory(),
        FiringFactory(running=True),
        FiringFactory(retrying=True),
    ]
    ended = [
        FiringFactory(succeeded=True),
        FiringFactory(failed=True),
        FiringFactory(cancelled=True),
    ]

    assert set(Firing.objects.open()) == set(opened)
    assert set(Firing.objects.ended()) == set(ended)
    assert [row.is_open for row in (*opened, *ended)] == [True] * 3 + [False] * 3


def _firings(count: int) -> list[UUID]:
    return [FiringFactory().uuid for _ in range(count)]
