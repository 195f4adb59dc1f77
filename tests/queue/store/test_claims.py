from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from tests.queue.items import NOW, draft, item_in, row
from workflow_engine.models import WorkItem
from workflow_engine.queue import (
    Coming,
    begin,
    claim,
    coming,
    enqueue,
    enqueue_many,
    lapse,
    release,
    resend,
)

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
LATER = NOW + HOUR


@pytest.mark.django_db
def test_claim__the_first_due_of_all_shards_first() -> None:
    dues = [NOW - n * SECOND for n in (3, 1, 4, 1, 5, 9, 2, 6)]
    drafts = [draft(subject=f"cart-{n}", due_at=due) for n, due in enumerate(dues)]
    enqueue_many(drafts, now=NOW, direct=False)

    claimed = claim(now=NOW, limit=100)

    assert len({item.shard for item in WorkItem.objects.all()}) > 1
    assert [one.due_at for one in claimed] == sorted(dues)
    assert [one.id for one in claimed if one.due_at == NOW - SECOND] == sorted(
        one.id for one in claimed if one.due_at == NOW - SECOND
    )


@pytest.mark.django_db
def test_claim__no_more_than_the_limit_and_then_the_rest() -> None:
    drafts = [draft(subject=f"cart-{n}") for n in range(7)]
    enqueue_many(drafts, now=NOW, direct=False)

    sizes = [len(claim(now=NOW, limit=3)) for _ in range(4)]

    assert sizes == [3, 3, 1, 0]
    assert set(WorkItem.objects.values_list("state", "token")) == {("sent", 1)}


@pytest.mark.django_db
def test_claim__first_due_of_one_shard_when_not_all_fit() -> None:
    dues = [NOW - n * SECOND for n in (1, 4, 2, 3)]
    enqueue_many(
        [draft(subject="cart-7", due_at=due) for due in dues], now=NOW, direct=False
    )

    claimed = claim(now=NOW, limit=2)

    assert [one.due_at for one in claimed] == [NOW - 4 * SECOND, NOW - 3 * SECOND]


@pytest.mark.django_db
def test_claim__no_shard_waits_for_another_to_be_empty() -> None:
    subjects = ["cart-1", "cart-2"] * 20
    assert len({draft(subject=subject).shard() for subject in subjects}) == 2
    enqueue_many([draft(subject=name) for name in subjects], now=NOW, direct=False)

    for _ in range(20):
        claim(now=NOW, limit=1)

    claimed = WorkItem.objects.filter(state="sent")
    assert claimed.count() == 20
    assert claimed.values("shard").distinct().count() == 2


@pytest.mark.django_db
def test_claim__shards_that_are_in_settings_no_more(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"SHARDS": 256}
    items = [enqueue(draft(subject=f"{n}"), now=NOW, direct=False) for n in range(9)]
    settings.WORKFLOW_ENGINE = {"SHARDS": 1}

    claimed = claim(now=NOW, limit=100)

    assert {one.id for one in claimed} == {item.id for item in items}


@pytest.mark.django_db
def test_resend__token_stays_and_the_lease_doubles_to_an_hour() -> None:
    item = item_in("sent")
    now, leases = NOW, []

    for _ in range(9):
        end = row(item.pk).lease_ends_at
        assert end is not None
        now = end + SECOND
        (sent,) = resend(now=now, limit=10)
        found = row(item.pk)
        assert found.lease_ends_at is not None
        assert (sent.pair, found.token, found.attempts) == ((item.pk, 1), 1, 0)
        leases.append((found.lease_ends_at - now).total_seconds())

    assert leases == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert row(item.pk).sends == 10


@pytest.mark.django_db
def test_resend__duplicates_begin_once() -> None:
    item = item_in("sent")
    resend(now=LATER, limit=10)
    resend(now=LATER + HOUR, limit=10)

    begun = [begin([(item.pk, 1)], now=LATER, worker="worker-1") for _ in range(3)]

    assert [len(found) for found in begun] == [1, 0, 0]
    assert (row(item.pk).attempts, row(item.pk).sends) == (1, 3)


@pytest.mark.django_db
def test_lapse__three_lost_workers_are_the_end() -> None:
    item = enqueue(draft(max_attempts=3), now=NOW, direct=True)
    now, token = NOW, item.token
    states: list[str] = []

    for _ in range(3):
        assert len(begin([(item.id, token)], now=now, worker="worker-1")) == 1
        now += HOUR
        states += lapse(now=now, limit=10).values()
        now += HOUR
        for claimed in claim(now=now, limit=10):
            token = claimed.token

    assert states == ["scheduled", "scheduled", "dead"]
    assert (row(item.id).attempts, row(item.id).error_class) == (3, "WorkerLost")
    assert begin([(item.id, token)], now=now, worker="worker-1") == []


@pytest.mark.django_db
def test_lapse__goes_alone_from_then_on() -> None:
    lost, other = item_in("running"), item_in("running")
    lapse(now=LATER, limit=10)
    release(other.pk, 1, 1, now=NOW, error=ValueError())
    fresh = enqueue(draft(), now=NOW, direct=False)

    alone = {one.id: one.is_alone for one in claim(now=LATER + HOUR, limit=10)}
    again = {one.id: one.is_alone for one in resend(now=LATER + 2 * HOUR, limit=10)}

    assert alone == again == {lost.pk: True, other.pk: True, fresh.id: False}


@pytest.mark.django_db
def test_lapse__no_more_than_the_limit() -> None:
    for _ in range(3):
        item_in("running")

    sizes = [len(lapse(now=LATER, limit=2)) for _ in range(3)]

    assert sizes == [2, 1, 0]


@pytest.mark.django_db
def test_lapse__each_waits_its_own_time() -> None:
    items = [item_in("running") for _ in range(2)]
    shares = iter([0.0, 1.0])

    lapse(now=LATER, limit=10, random=lambda: next(shares))

    waits = {(row(item.pk).due_at - LATER).total_seconds() for item in items}
    assert waits == {10, 8}


@pytest.mark.django_db
def test_lapse__nothing_lost_is_one_query(django_assert_num_queries: Any) -> None:
    item_in("running")

    with django_assert_num_queries(1):
        lapsed = lapse(now=NOW, limit=10)

    assert lapsed == {}


@pytest.mark.django_db
def test_coming__first_due_and_first_end_of_a_lease() -> None:
    nothing = coming()
    for n in range(6):
        due_at = NOW + (6 - n) * SECOND
        enqueue(draft(subject=f"{n}", due_at=due_at), now=NOW, direct=False)
        enqueue(draft(subject=f"{n}"), now=NOW + n * SECOND, direct=True)
    item_in("running")
    item_in("dead")

    found = coming()

    assert nothing == Coming(due_at=None, lease_ends_at=None)
    assert found == Coming(due_at=NOW + SECOND, lease_ends_at=NOW + 30 * SECOND)


#: The item due now, fifty thousand times, due in the years to come.
MANY_ROWS = """
    INSERT INTO workflow_engine_workitem (kind, lane, subject, payload, shard, state,
        due_at, rev, token, sends, attempts, max_attempts, worker, error_class, error,
        created_at)
    SELECT kind, lane, subject, payload, n % 4, state, due_at + n * interval '1 hour',
        rev, token, sends, attempts, max_attempts, worker, error_class, error, created_at
    FROM workflow_engine_workitem, generate_series(1, 50000) AS n
    WHERE subject = '0' AND state = 'scheduled'
"""


@pytest.mark.django_db
@pytest.mark.postgres
def test_plans__index_by_shard_and_no_scan_of_the_table() -> None:
    for n in range(4):
        enqueue(draft(subject=f"{n}"), now=NOW, direct=True)
        enqueue(draft(subject=f"{n}"), now=NOW, direct=False)
    plans = []
    with connection.cursor() as cursor:
        cursor.execute(MANY_ROWS)
        cursor.execute("ANALYZE workflow_engine_workitem")

    def explained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.cursor.execute(f"EXPLAIN {sql}", params)
            plans.append("\n".join(line for (line,) in cursor.cursor.fetchall()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explained):
        coming()
        claim(now=NOW, limit=100)
        resend(now=LATER, limit=100)
        lapse(now=LATER, limit=100)

    assert len(plans) == 4
    for plan in plans:
        assert "Seq Scan on workflow_engine_workitem" not in plan, plan
        assert "wfe_item_scheduled" in plan or "wfe_item_claimed" in plan, plan
