"""docs/rules.md says what the code takes: every name and key, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from workflow_engine import api, clock, registry
from workflow_engine.actions.filters import FILTERS
from workflow_engine.actions.templates import TEMPLATE_ROOTS
from workflow_engine.models import ConditionGroup
from workflow_engine.registry import Entry
from workflow_engine.rulefile import document
from workflow_engine.types.event import Event
from workflow_engine.types.facts import Facts
from workflow_engine.types.paths import ROOTS

PAGE: Final = (Path(__file__).resolve().parent.parent / "docs" / "rules.md").read_text()
EXAMPLE: Final = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])
OURS: Final = "workflow_engine."

#: What each operator is given beside the path, to ask it about nothing and about null.
WANTED: Final[dict[str, dict[str, Any]]] = {
    **{name: {} for name in ("exists", "absent")},
    **{name: {"value": 1} for name in ("eq", "ne", "gt", "gte", "lt", "lte")},
    **{name: {"value": [1]} for name in ("in", "not_in")},
    "between": {"low": 1, "high": 2},
    **{
        name: {"value": "a"}
        for name in ("contains", "starts_with", "ends_with", "regex")
    },
}
#: What the column on null says: the answer for what is wanted above, and for null wanted.
ON_NULL: Final = {
    "no": (False, None),
    "yes": (True, None),
    "yes if": (False, True),
    "yes, unless": (True, False),
}


def _section(heading: str) -> str:
    """Return what stands under a heading, up to the next one of its depth or above."""
    depth = heading.index(" ")
    found = re.search(
        rf"^{re.escape(heading)}\n(.*?)(?=^#{{2,{depth}}} |\Z)",
        PAGE,
        re.DOTALL | re.MULTILINE,
    )
    assert found is not None, heading
    return found[1]


def _table(text: str, first: str) -> list[list[str]]:
    """Return the rows of the table whose first column has this heading."""
    found = re.search(
        rf"^\| {re.escape(first)} \|.*\n\|[-|]+\|\n((?:\|.*\n?)+)", text, re.MULTILINE
    )
    assert found is not None, first
    return [
        [cell.strip() for cell in line.strip()[1:-1].split("|")]
        for line in found[1].splitlines()
    ]


def _names(text: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", text))


def _own(entries: Any) -> dict[str, Entry]:
    """Return what comes with the app; tests bring handlers of their own."""
    return {entry.slug: entry for entry in entries if entry.origin.startswith(OURS)}


def _sorts() -> Iterator[tuple[str, str, Entry]]:
    for noun, entries in (
        ("Detector", registry.detectors),
        ("Action", registry.actions),
    ):
        for slug, entry in _own(entries).items():
            yield noun, slug, entry


@pytest.mark.parametrize(
    ("noun", "slug", "entry"), list(_sorts()), ids=[slug for _, slug, _ in _sorts()]
)
def test_rules__keys_of_a_kind(noun: str, slug: str, entry: Entry) -> None:
    section = _section(f"## {noun} kinds")
    text = section[section.index(f"### Kind `{slug}`") :]

    rows = _table(text, "key")

    told = {row[0].strip("`"): row for row in rows}
    assert set(told) == set(entry.schema["properties"])
    required = {name for name, row in told.items() if row[1] == "yes"}
    assert required == set(entry.schema.get("required", ()))
    for name, schema in entry.schema["properties"].items():
        if "default" in schema:
            value = schema["default"]
            shown = value if isinstance(value, str) and value else json.dumps(value)
            assert told[name][2].strip("`") == shown, name


def test_rules__every_kind_and_no_other() -> None:
    for noun, entries in (
        ("Detector", registry.detectors),
        ("Action", registry.actions),
    ):
        kinds = re.findall(
            r"^### Kind `(\w+)`", _section(f"## {noun} kinds"), re.MULTILINE
        )

        assert sorted(kinds) == sorted(_own(entries))


def test_rules__condition_types_and_their_keys() -> None:
    section = _section("## Condition types")

    rows = {row[0].strip("`"): row for row in _table(section, "type")}

    own = _own(registry.conditions)
    assert set(rows) == set(own)
    everywhere = {"path", "as", "ignore_case"}
    for slug, entry in own.items():
        keys = _names(rows[slug][1].replace("no `path`", ""))
        assert keys == set(entry.schema["properties"]) - everywhere, slug
    with_options = {s for s, e in own.items() if "as" in e.schema["properties"]}
    (without,) = re.findall(r"All but (.*?) also take `as` and `ignore_case`", section)
    assert _names(without) == set(own) - with_options


@pytest.mark.parametrize("slug", WANTED)
def test_rules__nothing_and_null(slug: str) -> None:
    rows = {row[0]: row for row in _table(_section("## Condition types"), "type")}
    *_, missing, null = rows[f"`{slug}`"]
    entry = registry.conditions.get(slug)
    assert entry is not None
    now = clock.now()
    facts = Facts(
        Event(id="1", source="/", type="t", time=now, accepted_at=now, data={"n": None})
    )

    def ask(path: str, **config: Any) -> bool:
        answer: bool = entry.handler(facts, {"path": path, **WANTED[slug], **config})
        return answer

    said = re.match(r"(yes if|yes, unless|yes|no)", null)
    assert said is not None
    answer, for_null = ON_NULL[said[1]]
    assert ask("data.absent") is (missing == "yes")
    assert ask("data.n") is answer
    if for_null is not None:
        wanted = [None] if isinstance(WANTED[slug]["value"], list) else None
        assert ask("data.n", value=wanted) is for_null


def test_rules__types_left_out_of_the_answers_say_so() -> None:
    rows = {row[0].strip("`"): row for row in _table(PAGE, "type")}

    others = {slug: rows[slug][-2:] for slug in rows if slug not in WANTED}

    assert others == {"changed": ["see left", "see left"], "frequency": ["", ""]}


def test_rules__filters_and_their_arguments() -> None:
    rows = _table(_section("## Templates"), "filter")

    told = {row[0].strip("`"): row[1] for row in rows}

    assert set(told) == set(FILTERS)
    for name, filter_ in FILTERS.items():
        assert bool(told[name]) == bool(filter_.takes), name
        given = re.search(r'`"(.*)"` if not given', told[name])
        default = filter_.default if filter_.takes else None
        assert (given and given[1]) == default, name


def test_rules__roots() -> None:
    of_paths = _names(" ".join(row[0] for row in _table(_section("## Paths"), "root")))
    more = _names(" ".join(row[0] for row in _table(_section("## Templates"), "root")))

    assert of_paths == ROOTS
    assert more == TEMPLATE_ROOTS - ROOTS


def test_rules__every_word_a_configuration_chooses_from() -> None:
    entries = [*_own(registry.conditions).values(), *(e for _, _, e in _sorts())]
    words = {
        word
        for entry in entries
        for schema in entry.schema["properties"].values()
        for word in schema.get("enum", ())
    }

    assert words - _names(PAGE) == set()


@pytest.mark.parametrize(
    ("what", "rule"),
    [
        ("an environment", document.EnvironmentRule),
        ("a detector", document.DetectorRule),
        ("an action", document.ActionRule),
        ("a workflow", document.WorkflowRule),
        ("a group", document.IfRule),
        ("a condition", document.ConditionRule),
        ("a carried action", document.CarriedRule),
    ],
)
def test_rules__keys_of_the_file(what: str, rule: Any) -> None:
    rows = _table(_section("## The file"), f"key of {what}")

    assert {row[0].strip("`") for row in rows} == set(rule.__struct_encode_fields__)


def test_rules__logics() -> None:
    rows = _table(_section("## Groups"), "logic")

    assert {row[0].strip("`") for row in rows} == set(ConditionGroup.Logic.values)


@pytest.mark.django_db
def test_rules__example_is_taken_as_it_is_printed() -> None:
    first = api.import_rules(EXAMPLE)
    second = api.import_rules(EXAMPLE)

    assert len(first) == 7
    assert second == []


@pytest.mark.django_db
def test_rules__example_does_what_is_said_of_it() -> None:
    api.import_rules(EXAMPLE)
    begun = clock.now() - timedelta(hours=1)

    def event(n: int, kind: str, source: str, **data: Any) -> dict[str, Any]:
        return {
            "specversion": "1.0",
            "id": f"{kind}-{n}",
            "source": source,
            "type": kind,
            "subject": "user:7",
            "environment": "production",
            "time": (begun + timedelta(seconds=n)).isoformat(),
            "data": data,
        }

    logins = [event(n, "login.failed", "/", address="192.0.2.1") for n in range(5)]
    inside = [event(n, "login.failed", "/", address="10.0.0.1") for n in range(5, 9)]
    disks = [
        event(n, "disk.usage", "/hosts", mount="/", percent=percent)
        for n, percent in enumerate([96, 97, 98, 60], start=10)
    ]

    outcomes = {
        one.id: one
        for one in api.replay([*logins, *inside, *disks])
        if not one.item and one.firings
    }

    fired = {
        name: [
            (f.action, (f.due - one.time).total_seconds() > 500) for f in one.firings
        ]
        for name, one in outcomes.items()
    }
    assert fired == {
        "login.failed-4": [("chat", False), ("mail-the-boss", True)],
        "disk.usage-11": [("chat", False)],
        "disk.usage-13": [("chat", False)],
    }
