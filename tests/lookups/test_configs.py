"""Configurations as a database holds them: read, judged, and never a crash."""

from __future__ import annotations

from typing import Any

import pytest

from workflow_engine.lookups.configs import read_config
from workflow_engine.registry import Entry

NEEDS_N: dict[str, Any] = {
    "type": "object",
    "required": ["n"],
    "properties": {"n": {"type": "integer"}},
}


def entry(**changed: Any) -> Entry:
    return Entry(**{"slug": "t_n", "handler": print, "schema": NEEDS_N, **changed})


@pytest.mark.parametrize(
    "text",
    ["{", "", "NaN", '{"n": 1}}', '"\\ud800"', '"\ud800"', "1e400", "'n'", "[" * 5000],
)
def test_read_config__not_json(text: str) -> None:
    config, problem = read_config(text, entry())

    assert config is None
    assert problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"n": 1}', ""),
        ("{}", "'n' is a required property"),
        ('{"n": "x"}', "n: 'x' is not of type 'integer'"),
        ("null", "None is not of type 'object'"),
    ],
)
def test_read_config__judged_by_the_schema(text: str, problem: str) -> None:
    found = read_config(text, entry())

    assert problem in found.problem
    assert bool(found.problem) == bool(problem)


def test_read_config__without_a_handler_nobody_can_tell() -> None:
    found = read_config("[3]", None)

    assert found.value == [3]
    assert found.problem == ""


def test_read_config__the_check_of_a_project_raises() -> None:
    def check(config: Any) -> list[str]:
        raise KeyError("m")

    found = read_config('{"n": 1}', entry(check=check))

    assert found.value == {"n": 1}
    assert found.problem == "the check of 't_n' raised KeyError: 'm'"


def test_read_config__a_schema_that_leads_nowhere() -> None:
    found = read_config("{}", entry(schema={"$ref": "#/$defs/missing"}))

    assert "the check of 't_n' raised" in found.problem
