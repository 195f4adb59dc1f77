"""What is old enough goes; open firings, their decisions and live items stay."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.db.models.functions import Now

from tests import factories
from tests.processing.races import LIMIT_SECONDS, alone
from workflow_engine.metrics.reading import figures_ever
from workflow_engine.models import (
    ActionInterval,
    CacheForget,
    CacheOutbox,
    Decision,
    Delivery,
    DetectorState,
    EventCount,
    EventReceipt,
    Firing,
    FiringState,
    ItemState,
    MetricBucket,
    MetricSource,
    WorkItem,
)
from workflow_engine.models.cache_forget import MOST_KEPT
from workflow_engine.processing.prune import delete_ids, delete_old, old_rows

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def ago(**amount: float) -> datetime:
    return NOW - timedelta(**amount)


def prune(now: datetime = NOW) -> dict[str, int]:
    return {old.noun: delete_old(old) for old in old_rows(now)}


#: By noun: how an old row comes about, and how it is in use again.
RENEWALS: dict[str, tuple[Callable[[], models.Model], dict[str, Any]]] = {
    "receipts": (
        lambda: factories.EventReceiptFactory(received_at=ago(days=2)),
        {"received_at": NOW},
    ),
    "intervals": (
        lambda: factories.ActionIntervalFactory(held_until=ago(days=2)),
        {"held_until": NOW + timedelta(hours=1)},
    ),
    "states": (
        lambda: factories.DetectorStateFactory(priority=0, last_seen_at=ago(days=31)),
        {"priority": 75, "last_seen_at": NOW},
    ),
    "firings": (
        lambda: factories.FiringFactory(state="failed", finished_at=ago(days=91)),
        {"state": "running", "finished_at": None},
    ),
    "dead items": (
        lambda: factories.WorkItemFactory(state="dead", finished_at=ago(days=91)),
        {"state": "scheduled", "finished_at": None, "token": 9},
    ),
    "done items": (
        lambda: factories.WorkItemFactory(state="done", finished_at=ago(days=8)),
        {"finished_at": NOW},
    ),
}


def _renew(row: models.Model, changed: dict[str, Any]) -> None:
    assert type(row)._default_manager.filter(pk=row.pk).update(**changed)


def left(model: type[models.Model]) -> set[Any]:
    return set(model._default_manager.values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("outcome", "days"), [("fired", 7), ("held", 7), ("no_match", 7), ("failed", 30)]
)
def test_prune__decisions_of_one_age(outcome: str, days: int) -> None:
    factories.DecisionFactory(outcome=outcome, decided_at=ago(days=days, seconds=1))
    young = factories.DecisionFactory(outcome=outcome, decided_at=ago(days=days))

    prune()

    assert left(Decision) == {young.pk}


def test_prune__decision_of_an_open_firing() -> None:
    old = factories.DecisionFactory(outcome="fired", decided_at=ago(days=400))
    factories.FiringFactory(decision=old, state=FiringState.RETRYING)

    prune()

    assert left(Decision) == {old.pk}


def test_prune__firings_and_what_hangs_on_them() -> None:
    firing = factories.FiringFactory(
        state=FiringState.SUCCEEDED, finished_at=ago(days=91)
    )
    factories.DeliveryFactory(firing=firing, started_at=ago(days=1))
    young = factories.FiringFactory(
        state=FiringState.SUCCEEDED, finished_at=ago(days=89)
    )
    open_one = factories.FiringFactory(state=FiringState.DUE, decided_at=ago(days=400))

    prune()

    assert left(Firing) == {young.pk, open_one.pk}
    assert left(Delivery) == set()


def test_prune__firing_whose_item_lives() -> None:
    firing = factories.FiringFactory(
        state=FiringState.CANCELLED, finished_at=ago(days=400)
    )
    factories.WorkItemFactory(firing=firing)

    prune()

    assert left(Firing) == {firing.pk}


def test_prune__items_by_their_end() -> None:
    ended = {
        "done": (ItemState.DONE, ago(days=8)),
        "cancelled": (ItemState.CANCELLED, ago(days=8)),
        "dead": (ItemState.DEAD, ago(days=91)),
        "young": (ItemState.DONE, ago(days=6)),
        "young dead": (ItemState.DEAD, ago(days=89)),
    }
    items = {
        name: factories.WorkItemFactory(state=state, finished_at=at).pk
        for name, (state, at) in ended.items()
    }
    items["live"] = factories.WorkItemFactory(due_at=ago(days=400)).pk

    prune()

    assert left(WorkItem) == {items["young"], items["young dead"], items["live"]}


def test_prune__items_whose_dedupe_key_still_stands(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {
        "RETAIN_DAYS": {"done_items": 1},
        "DEDUPE_SECONDS": 86_400,
    }
    factories.WorkItemFactory(state=ItemState.DONE, finished_at=ago(hours=25))
    young = factories.WorkItemFactory(state=ItemState.DONE, finished_at=ago(hours=23))

    prune()

    assert left(WorkItem) == {young.pk}


def test_prune__what_ends_by_itself() -> None:
    factories.EventReceiptFactory(received_at=ago(seconds=86_401))
    receipt = factories.EventReceiptFactory(received_at=ago(seconds=86_399))
    minute = int(NOW.timestamp()) // 60
    factories.EventCountFactory(step=60, bucket=minute - 120 - 61)
    count = factories.EventCountFactory(step=60, bucket=minute - 120 - 59)
    factories.ActionIntervalFactory(held_until=ago(hours=25))
    interval = factories.ActionIntervalFactory(held_until=ago(hours=23))

    prune()

    assert left(EventReceipt) == {receipt.pk}
    assert left(EventCount) == {count.pk}
    assert left(ActionInterval) == {interval.pk}


def test_prune__states_that_are_quiet() -> None:
    factories.DetectorStateFactory(priority=0, last_seen_at=ago(days=31))
    kept = {
        factories.DetectorStateFactory(priority=75, last_seen_at=ago(days=31)).pk,
        factories.DetectorStateFactory(priority=0, last_seen_at=ago(days=29)).pk,
        factories.DetectorStateFactory(priority=0, last_seen_at=None).pk,
    }

    prune()

    assert left(DetectorState) == kept


def test_prune__retention_off(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"RETAIN_DAYS": {"decisions": None}}
    old = factories.DecisionFactory(outcome="held", decided_at=ago(days=400))

    counts = prune()

    assert left(Decision) == {old.pk}
    assert "decisions" not in counts


def test_prune__more_than_one_batch(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"PRUNE_BATCH": 100}
    factories.EventReceiptFactory.create_batch(205, received_at=ago(days=3))

    counts = prune()

    assert counts["receipts"] == 205
    assert left(EventReceipt) == set()


@pytest.mark.parametrize("noun", RENEWALS)
def test_prune__row_is_in_use_again_before_it_is_deleted(noun: str) -> None:
    make, changed = RENEWALS[noun]
    row = make()
    (old,) = (old for old in old_rows(NOW) if old.noun == noun)
    ids = list(old.rows.values_list("pk", flat=True))
    _renew(row, changed)

    deleted = delete_ids(old, ids)

    assert (ids, deleted) == ([row.pk], 0)
    assert left(type(row)) == {row.pk}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("noun", RENEWALS)
def test_prune__row_that_somebody_is_renewing(noun: str) -> None:
    make, changed = RENEWALS[noun]
    row = make()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        _renew(row, changed)
        counts = pool.submit(alone, prune).result(LIMIT_SECONDS)

    assert counts[noun] == 0
    assert left(type(row)) == {row.pk}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_prune__goes_on_behind_a_row_in_use(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"PRUNE_BATCH": 100}
    rows = factories.EventReceiptFactory.create_batch(205, received_at=ago(days=3))

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        EventReceipt.objects.select_for_update().get(pk=rows[0].pk)
        counts = pool.submit(alone, prune).result(LIMIT_SECONDS)

    assert counts["receipts"] == 204
    assert left(EventReceipt) == {rows[0].pk}


def counted(size: str, at: datetime, count: int = 1) -> MetricBucket:
    return MetricBucket.objects.create(
        size=size, at=at, scope="a", counter="hit", count=count, highest=count
    )


def ever() -> list[tuple[int, float]]:
    return [(one.count, one.highest) for one in figures_ever("default")]


def test_prune__figures_of_each_size(settings: Any) -> None:
    kept_hours = {"minute": 2, "hour": 24, "day": 48}
    settings.WORKFLOW_ENGINE = {"METRICS_RETAIN_HOURS": kept_hours}
    for size, hours in kept_hours.items():
        counted(size, ago(hours=hours, seconds=1))
    young = {counted(size, ago(hours=hours)).pk for size, hours in kept_hours.items()}

    deleted = prune()

    assert deleted["figures"] == 3
    assert left(MetricBucket) - {MetricBucket.objects.get(size="ever").pk} == young


def test_prune__days_stay_in_what_was_ever_counted(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"PRUNE_BATCH": 100}
    for days in range(250):
        counted("day", ago(days=days), count=days)
        counted("hour", ago(days=days), count=days)
    before = ever()

    deleted = [prune()["figures"], prune()["figures"]]

    assert before == ever() == [(sum(range(250)), 249)]
    assert deleted == [(249 - 90) + (249 - 7), 0]
    assert MetricBucket.objects.filter(size="day").count() == 91


@pytest.mark.django_db(transaction=True)
def test_prune__killed_between_adding_a_day_and_deleting_it() -> None:
    counted("day", ago(days=91), count=3)
    told: list[str] = []

    def die(execute: Any, sql: str, *rest: Any) -> Any:
        told.append(sql.split(maxsplit=1)[0])
        if told[-1] == "DELETE":
            raise KeyboardInterrupt
        return execute(sql, *rest)

    with pytest.raises(KeyboardInterrupt), connection.execute_wrapper(die):
        prune()

    assert told.index("INSERT") < told.index("DELETE")
    assert ever() == [(3, 3)]
    assert MetricBucket.objects.get().size == "day"


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_prune__another_prune_holds_some_of_the_days(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"PRUNE_BATCH": 100}
    days = [counted("day", ago(days=91 + number)).pk for number in range(40)]
    counted("day", NOW)
    taken = days[10:20]

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        rows = MetricBucket.objects.select_for_update()
        assert len(rows.filter(pk__in=taken)) == 10
        other = pool.submit(alone, prune).result(LIMIT_SECONDS)
        MetricBucket.objects.fold(taken)

    assert other["figures"] == 30
    assert ever() == [(41, 1)]
    assert MetricBucket.objects.get(size="ever").count == 40


def test_prune__records_of_forgets(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"METRICS_RETAIN_HOURS": {"minute": 1}}
    for hours in (24.1, 23.9):
        CacheForget.objects.create(at=ago(hours=hours), access="a", cause="hand")

    prune()

    assert [one.at for one in CacheForget.objects.all()] == [ago(hours=23.9)]


def test_prune__records_of_forgets_beyond_the_newest() -> None:
    CacheForget.objects.bulk_create(
        CacheForget(at=NOW, access="a", cause="hand") for _ in range(300)
    )
    table = CacheForget._meta.db_table
    columns = "at, access, cause, count, keys, is_cut, rows, author"
    one = ", ".join(f"one.{name}" for name in columns.split(", "))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) "  # noqa: S608 - names of columns
            f"SELECT {one} FROM {table} AS one CROSS JOIN {table} AS other LIMIT %s",
            [MOST_KEPT - 300],
        )
    young = left(CacheForget)
    before = prune()

    CacheForget.objects.create(at=NOW, access="b", cause="hand")
    after = prune()

    assert (before["records of forgets"], after["records of forgets"]) == (0, 1)
    assert min(left(CacheForget)) == sorted(young)[1]


def test_prune__sources_of_figures() -> None:
    def told(name: str, began: int, hours: float) -> None:
        MetricSource.objects.create(
            name=name,
            release=name.split(maxsplit=1)[0],
            started_at=ago(days=began),
            flushed_at=ago(hours=hours),
        )

    told("r1 ended", began=30, hours=169)
    told("r1 silent", began=29, hours=169)
    told("r2 first", began=20, hours=169)
    told("r2 second", began=19, hours=169)
    told("r2 living", began=1, hours=167)

    prune()

    names = MetricSource.objects.order_by("pk").values_list("name", flat=True)
    assert list(names) == ["r2 first", "r2 living"]


@pytest.mark.parametrize("year", [2000, 2200], ids=["late", "early"])
def test_prune__owed_forgets_whatever_the_clock_of_the_application(year: int) -> None:
    CacheOutbox.objects.all().delete()
    old, young, _ = (CacheOutbox.objects.create(source="some_table") for _ in range(3))
    for owed, age in (
        (old, timedelta(days=2, seconds=1)),
        (young, timedelta(days=1, hours=23)),
    ):
        rows = CacheOutbox.objects.filter(pk=owed.pk)
        rows.update(created_at=Now() - age)

    deleted = prune(datetime(year, 1, 1, tzinfo=UTC))

    assert deleted["owed forgets"] == 1
    assert left(CacheOutbox) >= {young.pk}
    assert old.pk not in left(CacheOutbox)
