"""What the QuerySets write in one statement, and who they say has won."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from tests.factories import (
    ActionFactory,
    ActionIntervalFactory,
    DetectorFactory,
    DetectorStateFactory,
    EventReceiptFactory,
    FiringFactory,
    WorkflowFactory,
    WorkItemFactory,
    receipt_key,
)
from workflow_engine.models import (
    Acquisition,
    ActionInterval,
    Bucket,
    CountQuestion,
    DetectorState,
    EventCount,
    EventReceipt,
    Firing,
    Holding,
    IntervalKey,
    WorkItem,
)
from workflow_engine.models import upsert as upsert_module
from workflow_engine.models.upsert import Upsert

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
HALF_HOUR = timedelta(minutes=30)


# Receipts


def test_claim__new_and_known_and_old(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    new, known, old, older = (receipt_key(name) for name in "abcd")
    EventReceiptFactory(key=known, received_at=NOW - DAY + MICROSECOND)
    EventReceiptFactory(key=old, received_at=NOW - DAY)
    EventReceiptFactory(key=older, received_at=NOW - DAY - MICROSECOND)

    with django_assert_num_queries(1):
        fresh = EventReceipt.objects.claim(
            [new, known, old, older, new], now=NOW, renew_before=NOW - DAY
        )

    assert fresh == {new, old, older}
    assert dict(EventReceipt.objects.values_list("key", "received_at")) == {
        new: NOW,
        known: NOW - DAY + MICROSECOND,
        old: NOW,
        older: NOW,
    }


def test_claim__nothing_costs_nothing(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        assert EventReceipt.objects.claim([], now=NOW, renew_before=NOW) == set()


# States


def test_publish__first_version_then_the_next(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    detector = DetectorFactory()
    state = _state(detector.pk, version=1, streaks={"high": 1})
    assert DetectorState.objects.publish([state]) == set()
    following = _state(
        detector.pk,
        version=2,
        priority=75,
        watermark=NOW,
        episode=1_777_716_000_000_000,
        memory={"é": [1, None]},
        revision="0123456789ab",
    )

    with django_assert_num_queries(1):
        refused = DetectorState.objects.publish([following])

    assert refused == set()
    stored = DetectorState.objects.get()
    columns = [field.attname for field in DetectorState._meta.concrete_fields]
    columns.remove("id")
    assert [getattr(stored, c) for c in columns] == [
        getattr(following, c) for c in columns
    ]


@pytest.mark.parametrize("version", [1, 3, 5], ids=["new", "same", "ahead"])
def test_publish__refused_when_another_was_first(version: int) -> None:
    stored = DetectorStateFactory(version=3, subject="cart-7", priority=25)
    mine = _state(stored.detector_id, version=version, priority=75)
    other = _state(stored.detector_id, version=1, subject="cart-8")

    refused = DetectorState.objects.publish([mine, other])

    assert refused == {(stored.detector_id, "", "cart-7")}
    stored.refresh_from_db()
    assert (stored.version, stored.priority) == (3, 25)
    assert DetectorState.objects.get(subject="cart-8").version == 1


def test_publish__environments_are_apart() -> None:
    detector = DetectorFactory()
    names = ("", "staging", "production")

    refused = DetectorState.objects.publish(
        [_state(detector.pk, version=1, environment=name) for name in names]
    )

    assert refused == set()
    assert DetectorState.objects.count() == 3


def test_publish__a_key_twice_is_an_error() -> None:
    detector = DetectorFactory()
    rows = [_state(detector.pk, version=1), _state(detector.pk, version=2)]

    with pytest.raises(ValueError, match="twice"):
        DetectorState.objects.publish(rows)


def test_of__these_keys_and_no_other(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    first, second = DetectorFactory(), DetectorFactory()
    wanted = [
        DetectorStateFactory(detector=first, environment="a", subject="x"),
        DetectorStateFactory(detector=second, environment="b", subject="y"),
    ]
    DetectorStateFactory(detector=first, environment="b", subject="x")
    DetectorStateFactory(detector=second, environment="b", subject="x")

    with django_assert_num_queries(1):
        found = list(DetectorState.objects.of([row.key for row in wanted]))

    assert {row.pk for row in found} == {row.pk for row in wanted}


def test_of__no_key_is_no_row() -> None:
    DetectorStateFactory()

    assert list(DetectorState.objects.of([])) == []


def test_of__many_subjects() -> None:
    detector = DetectorFactory()
    rows = [_state(detector.pk, version=1, subject=f"cart-{n}") for n in range(1500)]
    DetectorState.objects.publish(rows)

    assert DetectorState.objects.of([row.key for row in rows]).count() == 1500


# Counts


def test_add__inserts_adds_and_merges(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    first, second = _bucket(bucket=1), _bucket(bucket=2)
    EventCount.objects.add([(first, 4)])

    with django_assert_num_queries(1):
        EventCount.objects.add([(second, 1), (first, 2), (second, 1)])

    assert dict(EventCount.objects.values_list("bucket", "count")) == {1: 6, 2: 2}


def test_totals__many_questions_in_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    EventCount.objects.add(
        [
            *((_bucket(bucket=n), 1) for n in range(10)),
            (_bucket(bucket=3, environment="staging"), 100),
            (_bucket(bucket=3, subject="cart-8"), 1000),
            (_bucket(bucket=3, step=60), 10_000),
            (_bucket(bucket=3, counter="condition:13"), 100_000),
        ]
    )
    answers = {
        _question(2, 4): 3,
        _question(0, 9): 10,
        _question(9, 9): 1,
        _question(10, 20): 0,
        _question(3, 3, environment="staging"): 100,
        _question(0, 9, subject="cart-8"): 1000,
        _question(0, 9, step=60): 10_000,
        _question(0, 9, counter="condition:13"): 100_000,
        _question(0, 9, counter="condition:14"): 0,
    }

    with django_assert_num_queries(1):
        totals = EventCount.objects.totals(answers)

    assert totals == answers


def test_totals__no_question_costs_nothing(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_num_queries(0):
        assert EventCount.objects.totals([]) == {}


@pytest.mark.postgres
def test_totals__each_question_reads_its_own_slices() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO workflow_engine_eventcount"
            " (counter, environment, subject, step, bucket, count)"
            " SELECT 'condition:12', '', 'cart-' || n % 50, 1, n / 50, 1"
            " FROM generate_series(0, 19999) AS n"
        )
        cursor.execute("ANALYZE workflow_engine_eventcount")
    with CaptureQueriesContext(connection) as asked:
        EventCount.objects.totals([_question(5, 9), _question(7, 12)])

    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + asked.captured_queries[0]["sql"].replace("%", "%%"))
        plan = "\n".join(line for (line,) in cursor.fetchall())

    conditions = [line for line in plan.splitlines() if "Index Cond" in line]
    assert "wfe_count_bucket" in plan, plan
    assert len(conditions) == 1, plan
    assert all(word in conditions[0] for word in ("counter", "step", "bucket >=")), plan


# Intervals


def test_acquire__fresh_held_and_over(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    key = _interval_key()
    first, second, third = _firings(3)

    with django_assert_num_queries(1):
        won = ActionInterval.objects.acquire([_ask(key, first)], now=NOW)
    just_before = NOW + HALF_HOUR - MICROSECOND
    held = ActionInterval.objects.acquire(
        [_ask(key, second, at=just_before)], now=just_before
    )
    over = ActionInterval.objects.acquire(
        [_ask(key, third, at=NOW + HALF_HOUR)], now=NOW + HALF_HOUR
    )

    by_first = Holding(held_until=NOW + HALF_HOUR, firing=first)
    assert (won, held) == ({key: by_first}, {key: by_first})
    assert by_first.is_of(first)
    assert not by_first.is_of(second)
    assert over[key] == Holding(held_until=NOW + 2 * HALF_HOUR, firing=third)
    stored = ActionInterval.objects.get()
    assert (stored.firing_id, stored.held_until) == (third, NOW + 2 * HALF_HOUR)


def test_acquire__again_by_the_same_firing_is_won() -> None:
    key = _interval_key()
    (firing,) = _firings(1)
    ActionInterval.objects.acquire([_ask(key, firing)], now=NOW)

    again = ActionInterval.objects.acquire([_ask(key, firing)], now=NOW)

    assert again[key].is_of(firing)


def test_acquire__one_key_twice_the_first_wins() -> None:
    key = _interval_key()
    first, second = _firings(2)

    held = ActionInterval.objects.acquire(
        [_ask(key, first), _ask(key, second)], now=NOW
    )

    assert held[key].firing == first


def test_acquire__environments_subjects_and_actions_are_apart() -> None:
    key = _interval_key()
    keys = [
        key,
        key._replace(environment="production"),
        key._replace(subject=""),
        key._replace(action_id=ActionFactory().pk),
        key._replace(workflow_id=WorkflowFactory().pk),
    ]
    firings = _firings(len(keys))

    held = ActionInterval.objects.acquire(
        [_ask(k, f) for k, f in zip(keys, firings, strict=True)], now=NOW
    )

    assert [held[k].firing for k in keys] == firings


def test_acquire__held_by_a_firing_that_is_gone() -> None:
    interval = ActionIntervalFactory(held_until=NOW + DAY, firing=None)
    key = IntervalKey(interval.workflow_id, interval.action_id, "", interval.subject)
    (firing,) = _firings(1)

    held = ActionInterval.objects.acquire([_ask(key, firing)], now=NOW)

    assert held[key] == Holding(held_until=NOW + DAY, firing=None)


@pytest.mark.django_db(transaction=True)
def test_acquire__before_the_firing_is_written() -> None:
    key, firing = _interval_key(), uuid4()

    with transaction.atomic():
        held = ActionInterval.objects.acquire([_ask(key, firing)], now=NOW)
        FiringFactory(uuid=firing)

    assert held[key].is_of(firing)
    assert Firing.objects.get().intervals.get().held_until == NOW + HALF_HOUR


@pytest.mark.django_db(transaction=True)
def test_acquire__for_a_firing_that_is_never_written() -> None:
    key = _interval_key()

    with pytest.raises(IntegrityError), transaction.atomic():
        ActionInterval.objects.acquire([_ask(key, uuid4())], now=NOW)

    assert not ActionInterval.objects.exists()


def test_release__ends_what_these_firings_hold() -> None:
    mine, other = _firings(2)
    held = ActionIntervalFactory(firing_id=mine, held_until=NOW + DAY)
    ended = ActionIntervalFactory(firing_id=mine, held_until=NOW - DAY)
    kept = ActionIntervalFactory(firing_id=other, held_until=NOW + DAY)

    released = ActionInterval.objects.release([mine], NOW)

    assert released == 1
    assert [
        ActionInterval.objects.get(pk=row.pk).held_until for row in (held, ended, kept)
    ] == [NOW, NOW - DAY, NOW + DAY]


def test_release__the_next_may_act_at_once() -> None:
    key = _interval_key()
    first, second = _firings(2)
    ActionInterval.objects.acquire([_ask(key, first)], now=NOW)

    ActionInterval.objects.release([first], NOW)

    assert ActionInterval.objects.acquire([_ask(key, second)], now=NOW)[key].is_of(
        second
    )


# Items and firings


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


# Upsert


def test_upsert__more_rows_than_one_statement_holds(
    django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upsert_module, "PARAMETERS", 13)  # two per row, one more
    keys = {receipt_key(str(n)) for n in range(15)}

    with django_assert_num_queries(3):
        fresh = EventReceipt.objects.claim(keys, now=NOW, renew_before=NOW - DAY)

    assert fresh == keys


def test_upsert__names_a_column_that_is_not_there() -> None:
    statement = Upsert(
        model=EventReceipt, columns=("kye",), key=("kye",), update="", returning=()
    )

    with pytest.raises(LookupError, match="EventReceipt has no column 'kye'"):
        statement.run([{"kye": "a"}], using="default")


def _state(detector_id: int, **columns: Any) -> DetectorState:
    return DetectorState(
        **{"detector_id": detector_id, "subject": "cart-7", **columns},
    )


def _bucket(**columns: Any) -> Bucket:
    given = {
        "counter": "condition:12",
        "environment": "",
        "subject": "cart-7",
        "step": 1,
    }
    return Bucket(**{**given, **columns})


def _question(first: int, last: int, **columns: Any) -> CountQuestion:
    given = {
        "counter": "condition:12",
        "environment": "",
        "subject": "cart-7",
        "step": 1,
    }
    return CountQuestion(**{**given, **columns}, first_bucket=first, last_bucket=last)


def _interval_key() -> IntervalKey:
    return IntervalKey(WorkflowFactory().pk, ActionFactory().pk, "", "cart-7")


def _firings(count: int) -> list[UUID]:
    return [FiringFactory().uuid for _ in range(count)]


def _ask(key: IntervalKey, firing: UUID, *, at: datetime = NOW) -> Acquisition:
    return Acquisition(key=key, held_until=at + HALF_HOUR, firing=firing)
