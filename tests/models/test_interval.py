"""Intervals: one firing holds it at a time, and gives it back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction
from pytest_django import DjangoAssertNumQueries

from tests.factories import (
    ActionFactory,
    ActionIntervalFactory,
    FiringFactory,
    WorkflowFactory,
)
from workflow_engine.models import (
    Acquisition,
    ActionInterval,
    Firing,
    Holding,
    IntervalKey,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)
HALF_HOUR = timedelta(minutes=30)


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


def test_hold__acquires_and_only_locks_what_is_to_be_released(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    mine, other, asking = _firings(3)
    held = ActionIntervalFactory(firing_id=mine, held_until=NOW + DAY)
    ActionIntervalFactory(firing_id=mine, held_until=NOW - DAY)
    ActionIntervalFactory(firing_id=other, held_until=NOW + DAY)
    before = {row.pk: row for row in ActionInterval.objects.all()}
    key = _interval_key()

    with django_assert_num_queries(2):
        answers = ActionInterval.objects.hold([_ask(key, asking)], [mine], now=NOW)

    locked = IntervalKey(held.workflow_id, held.action_id, "", held.subject)
    assert answers == {
        key: Holding(held_until=NOW + HALF_HOUR, firing=asking),
        locked: Holding(held_until=NOW + DAY, firing=mine),
    }
    after = ActionInterval.objects.filter(pk__in=before)
    assert {row.pk: (row.held_until, row.firing_id) for row in after} == {
        pk: (row.held_until, row.firing_id) for pk, row in before.items()
    }


def test_hold__asked_for_what_is_to_be_released() -> None:
    held_by, asking = _firings(2)
    key = _interval_key()
    ActionInterval.objects.acquire([_ask(key, held_by)], now=NOW)

    answers = ActionInterval.objects.hold([_ask(key, asking)], [held_by], now=NOW)

    assert answers[key].firing == held_by


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


def _interval_key() -> IntervalKey:
    return IntervalKey(WorkflowFactory().pk, ActionFactory().pk, "", "cart-7")


def _firings(count: int) -> list[UUID]:
    return [FiringFactory().uuid for _ in range(count)]


def _ask(key: IntervalKey, firing: UUID, *, at: datetime = NOW) -> Acquisition:
    return Acquisition(key=key, held_until=at + HALF_HOUR, firing=firing)
