"""No answer depends on the order in which rows come (case W06)."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest
from django.db import models

from tests.factories import FACTORIES
from workflow_engine.lookups import accesses
from workflow_engine.models import (
    Action,
    Condition,
    ConditionGroup,
    Detector,
    DetectorWorkflow,
    GroupAction,
    Workflow,
)

pytestmark = pytest.mark.django_db

NUMBERS: Final = (1, 2, 3)
WHEN, IF = 10, 20  # added to the key of a workflow, the key of its first group

# A table comes after those it refers to; its rows, by key, come in any order.
TABLES: list[tuple[type[models.Model], dict[int, dict[str, Any]]]] = [
    (Detector, {n: {"slug": f"d{n}", "name": ""} for n in NUMBERS}),
    (Workflow, {n: {"slug": f"w{n}", "name": ""} for n in NUMBERS}),
    (Action, {n: {"slug": f"a{n}", "name": ""} for n in NUMBERS}),
    (
        DetectorWorkflow,
        {
            10 * d + w: {"detector_id": d, "workflow_id": w}
            for d in NUMBERS
            for w in NUMBERS
        },
    ),
    (
        ConditionGroup,
        {n: {"detector_id": n, "workflow": None, "role": "trigger"} for n in NUMBERS}
        | {WHEN + n: {"workflow_id": n} for n in NUMBERS}
        | {
            IF + 10 * n + p: {"workflow_id": n, "role": "if", "position": p}
            for n in NUMBERS
            for p in NUMBERS
        },
    ),
    (
        Condition,
        {
            100 * g + p: {"group_id": g, "position": p}
            for g in (1, 2, 3, 11, 12, 13, 31, 33)
            for p in NUMBERS
        },
    ),
    (
        GroupAction,
        {
            100 * g + a: {"group_id": g, "action_id": a, "position": a % 2}
            for g in (31, 33, 42)
            for a in NUMBERS
        },
    ),
]

ASKED: Final[dict[str, list[Any]]] = {
    "detector_ids_by_route": [("order.failed", "")],
    "detectors": [1, 2, 3],
    "workflow_ids_by_detector": [1, 2, 3],
    "workflows": [1, 2, 3],
}


def written(*, backwards: bool) -> bytes:
    """Write all rows in one order, and return every answer."""
    for model, _ in reversed(TABLES):
        model._default_manager.all().delete()
    for model, rows in TABLES:
        for key, columns in sorted(rows.items(), reverse=backwards):
            FACTORIES[model](id=key, **_without_parents(model, columns))
    return msgspec.json.encode(
        [list(access.load(ASKED[access.name]).items()) for access in accesses()]
    )


def _without_parents(
    model: type[models.Model], columns: dict[str, Any]
) -> dict[str, Any]:
    """Return columns with the rows their keys name, which a factory would else make."""
    given = dict(columns)
    for field in model._meta.concrete_fields:
        if field.is_relation and field.attname in given:
            related: Any = field.related_model
            given[field.name] = related._default_manager.get(
                pk=given.pop(field.attname)
            )
    return given


def test_answers__rows_written_backwards() -> None:
    forwards = written(backwards=False)

    backwards = written(backwards=True)

    assert forwards == backwards
    assert forwards.count(b'"all"') == 3 + 3 + 9
