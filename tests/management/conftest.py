"""Fixtures: settings that accept everything, a rule, a file, and a way to the outside."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from tests.factories import (
    ActionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorWorkflowFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from tests.management.calls import as_lines
from workflow_engine.models import Workflow


@pytest.fixture(autouse=True)
def engine(settings: Settings) -> None:
    """Let commands carry out here what is due."""
    settings.WORKFLOW_ENGINE = {"EXECUTOR": "threads"}


@pytest.fixture
def outside() -> Callable[..., dict[str, str]]:
    """Return how to get the environment of a command that needs no rows of the test."""

    def environment(**workflow_engine: Any) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.management.project",
            "COMMANDS_WORKFLOW_ENGINE": json.dumps(workflow_engine),
        }

    return environment


@pytest.fixture
def beside(
    transactional_db: None, outside: Callable[..., dict[str, str]]
) -> Callable[..., dict[str, str]]:
    """Return how to get the environment of a command that sees the test's rows."""

    def environment(**workflow_engine: Any) -> dict[str, str]:
        name = str(connection.settings_dict["NAME"])
        return {
            **outside(**{"EXECUTOR": "threads", **workflow_engine}),
            "WORKFLOW_TEST_POSTGRES_NAME": name,
        }

    return environment


@pytest.fixture
def rule(db: None) -> Workflow:
    """Have each event of type order.failed write to the log."""
    detector = DetectorFactory(slug="failed-orders")
    workflow = WorkflowFactory(slug="tell-the-team")
    DetectorWorkflowFactory(detector=detector, workflow=workflow)
    GroupActionFactory(
        group=ConditionGroupFactory(if_group=True, workflow=workflow),
        action=ActionFactory(slug="log-it"),
    )
    return workflow


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Return how to write a file of events; gives its name."""

    def put(*events: Any, name: str = "shop.jsonl") -> str:
        path = tmp_path / name
        path.write_bytes(as_lines(events))
        return str(path)

    return put
