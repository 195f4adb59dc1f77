"""Names of entries, and rows by column name."""

from __future__ import annotations

import pytest

from workflow_engine.caches import CacheMapping, row_of
from workflow_engine.caches.mapping import LARGEST_ID, parse_id
from workflow_engine.models import Detector, DetectorWorkflow


def test_name__is_namespace_and_suffix() -> None:
    mapping = CacheMapping[int]("detectors", lambda key: f"{key:04}")

    name = mapping.name(17)

    assert name == "detectors:0017"
    assert mapping.namespace == "detectors"


def test_row_of__has_every_column_and_follows_no_relation() -> None:
    link = DetectorWorkflow(id=3, detector_id=7, workflow_id=9)

    row = row_of(link)

    assert {name: row[name] for name in ("id", "detector_id", "workflow_id")} == {
        "id": 3,
        "detector_id": 7,
        "workflow_id": 9,
    }
    assert set(row_of(Detector())) >= {"event_type", "source", "enabled", "config"}


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "1.5", "\u0667", " 7", "9" * 19, "9" * 5000]
)
def test_parse_id__nonsense(text: str) -> None:
    with pytest.raises(ValueError, match=r"an id"):
        parse_id(text)


def test_parse_id__first_and_largest() -> None:
    assert parse_id("7") == 7
    assert parse_id(str(LARGEST_ID)) == LARGEST_ID


def test_parse__an_access_whose_keys_are_not_typed() -> None:
    mapping = CacheMapping[int]("numbers", str)

    with pytest.raises(ValueError, match="cannot be typed"):
        mapping.parse("7")

    assert list(mapping.known()) == []
