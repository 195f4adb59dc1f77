"""Standing: right while there are few, bounded where there are many, by index always."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from tests.factories import WorkItemFactory
from workflow_engine.models import WorkItem
from workflow_engine.queue import Count, standing
from workflow_engine.queue.store.standing import statement
from workflow_engine.status import items

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOTICED = NOW - timedelta(seconds=10)

MANY = Count(number=10_000, is_at_least=True)


def item(*, due: float = 0, lease: float | None = None, **given: Any) -> None:
    """Make an item that is due, and whose lease ends, so many seconds after NOW."""
    if lease is not None:
        given["lease_ends_at"] = NOW + timedelta(seconds=lease)
    WorkItemFactory(due_at=NOW + timedelta(seconds=due), **given)


def double(times: int) -> None:
    """Double all items so many times."""
    fields = (one.column for one in WorkItem._meta.concrete_fields if one.name != "id")
    columns = ", ".join(f'"{one}"' for one in fields)
    with connection.cursor() as cursor:
        for _ in range(times):
            cursor.execute(
                f"INSERT INTO {WorkItem._meta.db_table} ({columns})"  # noqa: S608
                f" SELECT {columns} FROM {WorkItem._meta.db_table}"
            )


def test_standing__every_place_in_several_shards() -> None:
    for shard in (0, 3):
        item(due=60, shard=shard)
        item(due=-5, shard=shard)
        item(due=-10, shard=shard)
        item(due=-3600 - shard, shard=shard)
        item(lease=-10, sent=True, shard=shard)
        item(lease=-20, sent=True, shard=shard)
        item(lease=20, sent=True, sends=2, shard=shard)
        item(lease=20, sent=True, sends=4, shard=shard)
        item(lease=30, running=True, shard=shard)
    item(dead=True)
    item(done=True)

    found = standing("default", NOW, NOTICED)

    places = (found.coming, found.due, found.overdue, found.sent, found.running)
    assert [one.number for one in places] == [2, 4, 4, 6, 2]
    assert found.resent == Count(number=2)
    assert (found.dead, found.next_at) == (
        Count(number=1),
        NOW + timedelta(seconds=60),
    )
    assert found.overdue_since == NOW - timedelta(seconds=3603)


def test_standing__no_item() -> None:
    found = standing("default", NOW, NOTICED)

    assert (found.coming, found.overdue, found.dead) == (Count(number=0),) * 3
    assert (found.next_at, found.overdue_since) == (None, None)


def test_standing__counting_ends() -> None:
    item(due=60)
    item(due=-60, shard=1)
    item(lease=-60, sent=True)
    item(lease=60, sent=True)
    item(lease=61, running=True)
    item(dead=True)
    double(14)

    found = items.read("default", NOW)

    assert found.coming == found.overdue == found.dead == MANY
    assert found.due == Count(number=0)
    assert (found.sent, found.running.is_at_least) == (MANY, True)
    assert items.judge_dead(found).text == "10 000+"
    assert items.judge(found).text.startswith("10 000+ coming")
    assert items.judge(found).facts["at_least"] == [
        *("coming", "overdue", "sent", "running")
    ]


def test_plan__every_look_at_the_items_is_by_an_index_and_its_first_columns() -> None:
    plan = plan_of(statement("default"))

    if connection.vendor == "postgresql":
        looks = [line for line in plan if "Scan" in line and "_workitem" in line]
        heads = [line for line in plan if "Index Cond" in line]
        assert all("Index" in one and "wfe_item_" in one for one in looks), plan
    else:
        looks = [line for line in plan if re.search("_workitem", line)]
        heads = [line for line in plan if re.search(r"INDEX \w+ \(", line)]
        assert all("wfe_item_" in one for one in looks), plan
    by_shard = [one for one in heads if re.search(r"shard *=", one)]
    by_time = [one for one in by_shard if re.search(r"(due|ends)_at *[<>]", one)]
    assert len(by_time) == len(by_shard) == 8, plan


def plan_of(sql: str) -> list[str]:
    """Return how the database would find the rows if there were many."""
    given = {"now": "2026-03-02 12:00", "noticed": "2026-03-02 11:59"}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
            cursor.execute(f"EXPLAIN {sql}", given)
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", given)
        return [str(row[-1]) for row in cursor.fetchall()]
