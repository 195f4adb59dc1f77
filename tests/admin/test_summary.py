"""A workflow in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import (
    ConditionFactory,
    ConditionGroupFactory,
    DetectorWorkflowFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from workflow_engine.admin.moments import duration
from workflow_engine.admin.summary import SUMMARY_PARTS, summary_of
from workflow_engine.admin.wording import condition_text
from workflow_engine.models import Workflow

pytestmark = pytest.mark.django_db


def test_summary__of_an_empty_workflow() -> None:
    workflow = WorkflowFactory()

    assert summary_of(workflow) == (
        "WHEN nothing is triggered, since no detector is linked, "
        "THEN nothing, since no action is named, every time."
    )


def test_summary__of_everything_there_can_be() -> None:
    workflow = WorkflowFactory(production=True, interval=90)
    for name in ("failed logins", "new country"):
        DetectorWorkflowFactory(workflow=workflow, detector__name=name)
    when = ConditionGroupFactory(workflow=workflow, logic="none")
    ConditionFactory(group=when, config={"path": "data.test", "value": True})
    first = ConditionGroupFactory(if_group=True, workflow=workflow, logic="any")
    ConditionFactory(group=first, type="gte", config={"path": "data.n", "value": 5})
    ConditionFactory(group=first, type="exists", config={"path": "data.admin"})
    GroupActionFactory(group=first, action__name="email ops")
    GroupActionFactory(group=first, action__name="call", delay=3900)
    second = ConditionGroupFactory(if_group=True, workflow=workflow, position=1)
    GroupActionFactory(group=second, action__name="log", action__enabled=False)

    assert summary_of(workflow) == (
        'WHEN "failed logins" or "new country" is triggered, in production, '
        "and none of: data.test is true, "
        "IF any of: data.n is at least 5; data.admin is there, "
        "THEN email ops and call after 1 h 5 min, THEN log (disabled), "
        "at most once every 1 min 30 s per subject."
    )


def test_summary__costs_nothing_once_its_parts_are_read(
    django_assert_num_queries: Any,
) -> None:
    carried = GroupActionFactory()
    ConditionFactory(group=carried.group)
    workflows = Workflow.objects.select_related("environment")
    workflow = workflows.prefetch_related(*SUMMARY_PARTS).get()

    with django_assert_num_queries(0):
        summary_of(workflow)


@pytest.mark.parametrize(
    ("type_name", "config", "text"),
    [
        ("eq", {"path": "subject", "value": "a b"}, 'subject is "a b"'),
        ("in", {"path": "x", "value": ["a", 1]}, 'x is one of "a", 1'),
        ("between", {"path": "x", "low": 1, "high": 5}, "x is between 1 and 5"),
        (
            "eq",
            {"path": "x", "value": 1, "as": "number"},
            'x is 1 (Read as: "number")',
        ),
        ("gone_type", {"n": 1}, "gone type (n: 1)"),
        ("eq", None, "is"),
    ],
    ids=["text", "list", "between", "option", "unregistered", "no config"],
)
def test_condition__in_words(type_name: str, config: Any, text: str) -> None:
    assert condition_text(type_name, config) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (1800, "30 min"),
        (90_061, "1 d 1 h"),
        (3601, "1 h 1 s"),
    ],
)
def test_duration(seconds: int, text: str) -> None:
    assert duration(seconds) == text
