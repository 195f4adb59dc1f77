"""An export is all rules, by name, the same text for the same rules."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.factories import (
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from tests.rulefile.documents import NIGHT
from workflow_engine.rulefile import dumps, export_rules, import_rules

pytestmark = pytest.mark.django_db


def test_export__nothing() -> None:
    found = export_rules()

    assert found == {
        "format": 1,
        "environments": [],
        "detectors": [],
        "actions": [],
        "workflows": [],
    }


def test_export__every_key_of_a_rule() -> None:
    import_rules(NIGHT)

    found = export_rules()

    assert [one["slug"] for one in found["detectors"]] == ["every", "failed-orders"]
    assert found["detectors"][0] == {
        "slug": "every",
        "name": "every",
        "event_type": "*",
        "source": "",
        "kind": "event",
        "config": {},
        "enabled": False,
        "trigger": None,
    }
    night, quiet = found["workflows"]
    assert night["snoozed_until"] == "2026-05-02T10:00:00Z"
    assert night["detectors"] == ["every", "failed-orders"]
    assert night["when"]["logic"] == "all"
    assert [one["action"] for one in night["if"][0]["actions"]] == [
        "note",
        "escalate",
        "note",
    ]
    assert night["if"][1] == {
        "logic": "all",
        "conditions": [],
        "actions": [{"action": "escalate", "delay": 0, "on_resolve": False}],
    }
    assert quiet == {
        "slug": "quiet",
        "name": "quiet",
        "description": "",
        "enabled": False,
        "environment": None,
        "interval": 1800,
        "snoozed_until": None,
        "snooze_note": "",
        "when": None,
        "if": [],
        "detectors": [],
    }


def test_export__sorted_by_name_and_position_not_by_key() -> None:
    workflow = WorkflowFactory(slug="w")
    for position, slug in ((3, "b"), (1, "a"), (2, "c")):
        group = ConditionGroupFactory(
            workflow=workflow, if_group=True, position=position
        )
        ConditionFactory(group=group, position=2, type="exists", config={"path": "id"})
        ConditionFactory(group=group, position=1)
        GroupActionFactory(group=group, action__slug=slug, position=position)
        DetectorWorkflowFactory(workflow=workflow, detector__slug=f"d-{slug}")

    found = export_rules()

    groups = found["workflows"][0]["if"]
    assert [one["actions"][0]["action"] for one in groups] == ["a", "c", "b"]
    assert [one["type"] for one in groups[0]["conditions"]] == ["eq", "exists"]
    assert found["workflows"][0]["detectors"] == ["d-a", "d-b", "d-c"]
    assert [one["slug"] for one in found["actions"]] == ["a", "b", "c"]


def test_export__queries_do_not_grow_with_the_rules(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    import_rules(NIGHT)

    # Workflows, their groups, conditions, carried actions and links; detectors, their
    # groups and conditions; no trigger group carries actions, but it is asked; actions;
    # environments.
    with django_assert_num_queries(11):
        export_rules()


def test_dumps__keys_sorted_readable_and_ended() -> None:
    rules: dict[str, Any] = {"format": 1, "b": ["é"], "a": {"z": 1, "y": 1.0}}

    text = dumps(rules)

    assert text == (
        '{\n  "a": {\n    "y": 1.0,\n    "z": 1\n  },\n'
        '  "b": [\n    "é"\n  ],\n  "format": 1\n}\n'
    )
    assert json.loads(text) == rules


def test_export__is_plain_json_data() -> None:
    import_rules(NIGHT)
    DetectorFactory()

    found = export_rules()

    assert json.loads(dumps(found)) == found
