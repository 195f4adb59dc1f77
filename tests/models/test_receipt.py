"""Receipts: which events are new, said by one statement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.factories import (
    EventReceiptFactory,
    receipt_key,
)
from workflow_engine.models import (
    EventReceipt,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MICROSECOND = timedelta(microseconds=1)


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
