"""Differences are lines a person can read and a program can take apart."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.rulefile.documents import NIGHT, condition, file_of
from workflow_engine.rulefile import Difference, import_rules
from workflow_engine.rulefile.difference import Sign

pytestmark = pytest.mark.django_db


def lines(data: Any, **how: Any) -> list[str]:
    return [str(found) for found in import_rules(data, check=True, **how)]


def changed(**values: Any) -> dict[str, Any]:
    data = deepcopy(NIGHT)
    data["workflows"][0] |= values
    return data


@pytest.mark.parametrize(
    ("difference", "line"),
    [
        (
            Difference(sign=Sign.ADD, noun="workflow", slug="tell-the-team"),
            "+ workflow tell-the-team",
        ),
        (
            Difference(
                sign=Sign.CHANGE,
                noun="workflow",
                slug="night-shift",
                changes=("interval 1800 -> 600", "enabled true -> false"),
            ),
            "~ workflow night-shift: interval 1800 -> 600, enabled true -> false",
        ),
        (
            Difference(sign=Sign.DELETE, noun="action", slug="note"),
            "- action note",
        ),
    ],
)
def test_line(difference: Difference, line: str) -> None:
    assert str(difference) == line


def test_differences__everything_is_new_in_the_order_of_the_file() -> None:
    found = lines(NIGHT)

    assert found == [
        "+ environment production",
        "+ environment test",
        "+ detector every",
        "+ detector failed-orders",
        "+ action escalate",
        "+ action note",
        "+ workflow night-shift",
        "+ workflow quiet",
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"interval": 600}, ["interval 1800 -> 600"]),
        ({"environment": None}, ['environment "production" -> null']),
        ({"enabled": False}, ["enabled true -> false"]),
        (
            {"detectors": ["failed-orders"]},
            [
                'detectors[0] "every" -> "failed-orders"',
                'detectors[1] "failed-orders" -> nothing',
            ],
        ),
        (
            {"when": {"conditions": [condition(1)]}},
            [
                'when.conditions[0].type "ne" -> "eq"',
                'when.conditions[0].config.path "subject" -> "data.v"',
                'when.conditions[0].config.value "x" -> 1',
            ],
        ),
        (
            {"name": "N" * 100},
            [
                f'name "Night shift" -> "{"N" * 58}…',
            ],
        ),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
def test_differences__each_value(values: dict[str, Any], expected: list[str]) -> None:
    import_rules(NIGHT)

    found = lines(changed(**values))

    assert found == [f"~ workflow night-shift: {', '.join(expected)}"]


@pytest.mark.parametrize(("old", "new"), [(1, 1.0), (1, True), (0, False), ("1", 1)])
def test_differences__numbers_and_booleans_are_not_the_same(old: Any, new: Any) -> None:
    def data(value: Any) -> dict[str, Any]:
        return file_of(
            workflows=[{"slug": "w", "when": {"conditions": [condition(value)]}}]
        )

    import_rules(data(old))
    found = import_rules(data(new))

    assert len(found) == 1
    assert import_rules(data(new)) == []


def test_differences__rules_not_in_the_file() -> None:
    import_rules(NIGHT)
    data = file_of(actions=NIGHT["actions"])

    stays = lines(data)
    goes = lines(data, delete_missing=True)

    assert stays == []
    assert goes == [
        "- environment production",
        "- environment test",
        "- detector every",
        "- detector failed-orders",
        "- workflow night-shift",
        "- workflow quiet",
    ]
