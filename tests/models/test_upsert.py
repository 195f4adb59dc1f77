"""The one statement below every upsert."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.factories import (
    receipt_key,
)
from workflow_engine.models import (
    DetectorState,
    EventReceipt,
)
from workflow_engine.models import upsert as upsert_module
from workflow_engine.models.upsert import Upsert

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 2, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)


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
