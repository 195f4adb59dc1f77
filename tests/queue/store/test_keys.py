from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.queue.items import NOW, draft, row
from workflow_engine.models import WorkItem
from workflow_engine.queue import begin, claim, enqueue, enqueue_many, release

IN_30 = NOW + timedelta(seconds=30)
IN_60 = NOW + timedelta(seconds=60)


def _keyed(due_at: datetime = IN_60, **given: Any) -> Any:
    return draft(key="k", due_at=due_at, **given)


def _event_at(time: str, n: int) -> dict[str, Any]:
    return {"event": {"time": time}, "n": n}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("on_taken", "due_at", "n", "rev"),
    [("keep", IN_60, 1, 1), ("refresh", IN_60, 2, 2), ("move", IN_30, 2, 2)],
)
def test_key__taken(on_taken: str, due_at: datetime, n: int, rev: int) -> None:
    first = enqueue(_keyed(payload={"n": 1}), now=NOW, direct=True)

    second = enqueue(
        _keyed(IN_30, payload={"n": 2}, on_taken=on_taken), now=NOW, direct=True
    )

    assert (second.id, second.created, second.token) == (first.id, False, 0)
    (found,) = WorkItem.objects.all()
    assert (found.due_at, found.payload, found.rev) == (due_at, {"n": n}, rev)
    assert found.state == "scheduled"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("there", "new", "n"),
    [
        ("2026-05-02T10:00:00Z", "2026-05-02T10:00:01Z", 2),
        ("2026-05-02T10:00:01Z", "2026-05-02T10:00:00Z", 1),
        ("2026-05-02T10:00:00Z", "2026-05-02T10:00:00Z", 2),
        ("2026-05-02T10:00:00Z", "2026-05-02T10:00:00.000001Z", 2),
        ("2026-05-02T10:00:00.000001Z", "2026-05-02T10:00:00Z", 1),
        ("2026-05-02T10:00:00.2Z", "2026-05-02T10:00:00.15Z", 1),
    ],
    ids=["later", "earlier", "equal", "fraction", "no fraction", "shorter fraction"],
)
@pytest.mark.parametrize("calls", ["one call", "two calls"])
def test_refresh__later_event_stays(there: str, new: str, n: int, calls: str) -> None:
    drafts = [
        _keyed(payload=_event_at(there, 1), on_taken="refresh"),
        _keyed(payload=_event_at(new, 2), on_taken="refresh"),
    ]

    if calls == "one call":
        enqueue_many(drafts, now=NOW, direct=True)
    else:
        for one in drafts:
            enqueue(one, now=NOW, direct=True)

    (found,) = WorkItem.objects.all()
    assert found.payload["n"] == n


@pytest.mark.django_db
@pytest.mark.parametrize("there", [{"n": 1}, {"event": "text", "n": 1}])
def test_refresh__without_a_time_is_replaced(there: dict[str, Any]) -> None:
    enqueue(_keyed(payload=there), now=NOW, direct=True)

    enqueue(
        _keyed(payload=_event_at("2026-05-02T10:00:00Z", 2), on_taken="refresh"),
        now=NOW,
        direct=True,
    )

    (found,) = WorkItem.objects.all()
    assert found.payload["n"] == 2


@pytest.mark.django_db
def test_key__each_in_turn_within_one_call() -> None:
    drafts = [
        _keyed(payload={"n": 1}),
        _keyed(IN_30, payload={"n": 2}, on_taken="move"),
        _keyed(payload={"n": 3}, on_taken="keep"),
        draft(key="other", payload={"n": 4}),
        _keyed(payload={"n": 5}, on_taken="refresh"),
    ]

    items = enqueue_many(drafts, now=NOW, direct=True)

    first, other = items[0].id, items[3].id
    assert [item.id for item in items] == [first, first, first, other, first]
    assert [item.created for item in items] == [True, False, False, True, False]
    assert (row(first).due_at, row(first).payload) == (IN_30, {"n": 5})


@pytest.mark.django_db
def test_key__ways_that_differ_keep_the_order_of_the_drafts() -> None:
    drafts = [
        _keyed(payload={"n": 1}, on_taken="refresh"),
        _keyed(IN_30, payload={"n": 2}, on_taken="move"),
        _keyed(payload={"n": 3}, on_taken="refresh"),
    ]

    enqueue_many(drafts, now=NOW, direct=True)

    (found,) = WorkItem.objects.all()
    assert (found.due_at, found.payload) == (IN_30, {"n": 3})


@pytest.mark.django_db
def test_key__of_a_claimed_item_is_free() -> None:
    first = enqueue(draft(key="k"), now=NOW, direct=True)
    claim(now=NOW, limit=1)

    second = enqueue(draft(key="k", on_taken="move"), now=NOW, direct=True)

    assert second.created
    assert row(first.id).state == "sent"


@pytest.mark.django_db
def test_key__claimed_item_comes_back_beside_a_new_one() -> None:
    first = enqueue(draft(key="k"), now=NOW, direct=True)
    claim(now=NOW, limit=1)
    begin([(first.id, 1)], now=NOW, worker="worker-1")
    second = enqueue(draft(key="k"), now=NOW, direct=True)

    state = release(first.id, 1, 1, now=NOW, error=ValueError())

    third = enqueue(draft(key="k"), now=NOW, direct=True)
    assert state == "scheduled"
    assert third.id == second.id
    assert WorkItem.objects.filter(key="k", state="scheduled").count() == 2
