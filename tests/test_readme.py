"""What the README prints works as it is printed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.factories import ActionFactory, DetectorFactory
from workflow_engine import api, registry
from workflow_engine.types.reasons import Reason

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
CONCEPTS = (ROOT / "docs" / "concepts.md").read_text()
MAP = (ROOT / "workflow_engine" / "README.md").read_text()


@pytest.fixture
def pages() -> Iterator[list[str]]:
    """Run the block on extending, and yield the texts that its action pages."""
    sent: list[str] = []

    def page(text: str, *, key: str) -> bool:
        sent.append(text)
        return key != ""

    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(block, "README.md", "exec"), {"page": page})  # noqa: S102 - our page
    yield sent
    registry.conditions.unregister("weekday")
    registry.detectors.unregister("every_nth")
    registry.actions.unregister("pager")


@pytest.mark.django_db
def test_extending__detector_of_the_readme(pages: list[str]) -> None:
    DetectorFactory(event_type="shop.sale", kind="every_nth", config={"n": 2})
    sale = {"specversion": "1.0", "source": "/shop", "type": "shop.sale"}

    outcomes = api.process_events([{**sale, "id": str(n)} for n in range(4)])

    changes = [outcome.detections[0].change for outcome in outcomes]
    assert changes == [None, "opened", None, "opened"]


@pytest.mark.django_db
def test_extending__action_of_the_readme(pages: list[str]) -> None:
    ActionFactory(slug="page-ops", kind="pager", config={"text": "{{ data.message }}"})

    attempt = api.test_fire("page-ops")

    assert attempt.error is None
    assert pages == ["This is a test."]


def test_extending__condition_of_the_readme(pages: list[str]) -> None:
    entry = registry.conditions.get("weekday")

    problems = entry.problems({}) if entry else []

    assert problems == ["config: 'days' is a required property"]


def test_readme__names_of_the_public_door() -> None:
    (table,) = re.findall(
        r"are all in `workflow_engine.api`:(.*?)## ", README, re.DOTALL
    )

    cells = re.findall(r"^\|([^|]*)\|", table, re.MULTILINE)
    named = set(re.findall(r"`(\w+)", " ".join(cells)))

    assert named == set(api.__all__) | {"register_detector", "register_action"}


def test_readme__every_command_and_no_other() -> None:
    commands = {
        name for name, app in get_commands().items() if app == "workflow_engine"
    }

    named = set(re.findall(r"`(workflow_\w+)[ `]", README)) - {"workflow_handlers"}

    assert named == commands


def test_concepts__every_reason_of_a_decision() -> None:
    (table,) = re.findall(r"\| outcome \| reasons \|(.*?)\n\n", CONCEPTS, re.DOTALL)

    named = set(re.findall(r"`(\w+)`", table))

    later = {
        *("circuit_open", "awaiting_trigger", "permanent", "attempts_used"),
        *("endpoint_off", "resolved", "acknowledged", "disabled", "gone", "by_hand"),
    }
    assert named == {reason.value for reason in Reason} - later


def test_map__every_package_has_its_line() -> None:
    package = ROOT / "workflow_engine"
    rooms = {p.name for p in package.iterdir() if (p / "__init__.py").exists()}

    missing = [
        room for room in sorted(rooms - {"migrations"}) if f"`{room}`" not in MAP
    ]

    assert missing == []
