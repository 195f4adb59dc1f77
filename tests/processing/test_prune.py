"""What is old enough goes; open firings, their decisions and live items stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import models

from tests import factories
from workflow_engine.models import (
    ActionInterval,
    Decision,
    Delivery,
    DetectorState,
    EventCount,
    EventReceipt,
    Firing,
    FiringState,
    ItemState,
    WorkItem,
)
from workflow_engine.processing.prune import delete_old, old_rows

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def ago(**amount: float) -> datetime:
    return NOW - timedelta(**amount)


def prune() -> dict[str, int]:
    return {old.noun: delete_old(old) for old in old_rows(NOW)}


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
