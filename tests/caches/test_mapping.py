"""Names of entries, and rows by column name."""

from __future__ import annotations

from workflow_engine.caches import CacheMapping, row_of
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
