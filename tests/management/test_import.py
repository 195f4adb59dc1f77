"""workflow_import and workflow_export: rules out as a file, and in again, whole or not."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.factories import (
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    EnvironmentFactory,
)
from tests.management.calls import call, manage
from workflow_engine.models import (
    Action,
    Condition,
    ConditionGroup,
    Detector,
    DetectorWorkflow,
    Environment,
    GroupAction,
    Workflow,
)

pytestmark = pytest.mark.django_db(transaction=True)

RULES = (
    Action,
    Condition,
    ConditionGroup,
    Detector,
    DetectorWorkflow,
    Environment,
    GroupAction,
    Workflow,
)
Put = Callable[[Any], str]


def _rows() -> dict[str, list[dict[str, Any]]]:
    tables: list[Any] = [model._default_manager for model in RULES]
    return {table.model.__name__: list(table.values()) for table in tables}


def _delete_rules() -> None:
    for model in (Workflow, Detector, Action, Environment):
        model._default_manager.all().delete()


@pytest.fixture
def full(rule: Workflow) -> Workflow:
    """Have a rule of every sort."""
    rule.environment = EnvironmentFactory(name="production")
    rule.save()
    group = ConditionGroupFactory(workflow=rule, role="when", logic="none")
    ConditionFactory(group=group)
    ConditionFactory(trigger=True, group__detector=DetectorFactory(slug="other"))
    return rule


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Return how to write a file of rules; gives its name."""

    def write(rules: Any) -> str:
        path = tmp_path / "rules.json"
        path.write_text(rules if isinstance(rules, str) else json.dumps(rules))
        return str(path)

    return write


def test_export__is_json_with_and_without_the_option(full: Workflow) -> None:
    said, asked = call("workflow_export"), call("workflow_export", "--json")

    assert (said.code, said.err) == (0, "")
    rules = json.loads(said.out)
    assert rules["format"] == 1
    assert [one["slug"] for one in rules["workflows"]] == ["tell-the-team"]
    assert said.out.endswith("}\n")
    assert json.loads(asked.out) == rules


def test_export_import__round_trip(full: Workflow, put: Put) -> None:
    first = call("workflow_export").out
    _delete_rules()

    said = call("workflow_import", put(first))

    assert said.code == 0
    assert "+ workflow tell-the-team" in said.out.splitlines()
    assert call("workflow_export").out == first
    assert call("workflow_import", put(first)).out == "nothing to change\n"


def test_import__standard_input(
    full: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = call("workflow_export").out
    _delete_rules()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    said = call("workflow_import", "-")

    assert said.code == 0
    assert Workflow.objects.get().slug == "tell-the-team"


def test_import__differences(full: Workflow, put: Put) -> None:
    rules = json.loads(call("workflow_export").out)
    rules["workflows"][0]["interval"] = 600

    said = call("workflow_import", put(rules))

    assert said.out == "~ workflow tell-the-team: interval 0 -> 600\n"
    full.refresh_from_db()
    assert full.interval == 600


def test_import__check(full: Workflow, put: Put) -> None:
    rules = json.loads(call("workflow_export").out)
    same = call("workflow_import", put(rules), "--check")
    rules["workflows"][0]["interval"] = 600
    rules["environments"].append({"name": "staging"})
    before = _rows()

    said = call("workflow_import", put(rules), "--check")

    assert (same.code, same.out) == (0, "nothing to change\n")
    assert said.code == 1
    assert said.out.splitlines() == [
        "+ environment staging",
        "~ workflow tell-the-team: interval 0 -> 600",
    ]
    assert _rows() == before


def test_import__json(full: Workflow, put: Put) -> None:
    rules = json.loads(call("workflow_export").out)
    rules["workflows"][0]["interval"] = 600

    said = call("workflow_import", put(rules), "--json")

    assert said.lines() == [
        {"differences": ["~ workflow tell-the-team: interval 0 -> 600"]}
    ]


def test_import__what_the_file_does_not_name(full: Workflow, put: Put) -> None:
    rules = json.loads(call("workflow_export").out)
    rules["detectors"] = [d for d in rules["detectors"] if d["slug"] != "other"]

    kept = call("workflow_import", put(rules))
    deleted = call("workflow_import", put(rules), "--delete-missing")

    assert kept.out == "nothing to change\n"
    assert deleted.out == "- detector other\n"
    assert [one.slug for one in Detector.objects.all()] == ["failed-orders"]


def test_import__every_problem_and_nothing_written(full: Workflow, put: Put) -> None:
    rules = json.loads(call("workflow_export").out)
    rules["environments"].append({"name": "staging"})
    rules["detectors"][0]["kind"] = "no-such-kind"
    rules["workflows"][0]["interval"] = -1
    rules["workflows"][0]["detectors"] = ["nowhere"]
    before = _rows()

    said = call("workflow_import", put(rules))

    assert (said.code, said.out) == (2, "")
    first, *problems = said.err.splitlines()
    assert first == "CommandError: Nothing was changed."
    assert len(problems) == 3
    assert any("no-such-kind" in problem for problem in problems)
    assert any("interval" in problem for problem in problems)
    assert any("nowhere" in problem for problem in problems)
    assert _rows() == before


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is not JSON: Input data was truncated"),
        ("[" * 100_000, "is not JSON: "),
        ("[]", "Nothing was changed."),
        ('{"format": 2}', "Nothing was changed."),
    ],
    ids=["half", "deep", "list", "format"],
)
def test_import__file_that_holds_no_rules(put: Put, text: str, why: str) -> None:
    said = call("workflow_import", put(text))

    assert (said.code, said.out) == (2, "")
    assert why in said.err


def test_import__no_file() -> None:
    said = call("workflow_import", "no-such-file")

    assert said.code == 2
    assert said.err == (
        "CommandError: no-such-file cannot be read: No such file or directory\n"
    )


@pytest.mark.postgres
def test_export_import__from_outside(
    full: Workflow, beside: Callable[..., dict[str, str]]
) -> None:
    first = manage(beside(), "workflow_export")
    _delete_rules()

    done = manage(beside(), "workflow_import", "-", given=first.stdout.encode())
    second = manage(beside(), "workflow_export")

    assert (first.returncode, done.returncode, second.returncode) == (0, 0, 0)
    assert second.stdout == first.stdout
