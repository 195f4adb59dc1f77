"""Export, import into an empty database, export: the same bytes (case T04)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.rulefile.documents import NIGHT, file_of
from workflow_engine.models import Action, Detector, Environment, Workflow
from workflow_engine.rulefile import dumps, export_rules, import_rules

pytestmark = pytest.mark.django_db

slugs = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}", fullmatch=True)
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8
)
names = texts.filter(lambda text: text != "")
numbers = (
    st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1e16, 1e300, -0.0, 5e-324, 1.0, 2.0**63])
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=5,
)
conditions = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["eq", "ne"]),
            "config": st.fixed_dictionaries({"path": st.just("id"), "value": values}),
        }
    ),
    max_size=3,
)
logics = st.sampled_from(["any", "any_short", "all", "none"])
groups = st.none() | st.fixed_dictionaries({"logic": logics, "conditions": conditions})
moments = st.none() | st.sampled_from(
    ["2026-05-02T10:00:00Z", "1999-12-31T23:59:59.999999-11:30"]
)


def _ifs(actions: list[str]) -> st.SearchStrategy[Any]:
    carried = st.lists(
        st.fixed_dictionaries(
            {
                "action": st.sampled_from(actions),
                "delay": st.sampled_from([0, 1, 2_678_400]),
                "on_resolve": st.booleans(),
            }
        ),
        max_size=3,
        unique_by=lambda one: (one["action"], one["delay"]),
    )
    return st.lists(
        st.fixed_dictionaries(
            {
                "logic": logics,
                "conditions": conditions,
                "actions": carried if actions else st.just([]),
            }
        ),
        max_size=3,
    )


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    environments = draw(st.lists(names, max_size=2, unique=True))
    detectors = draw(st.lists(slugs, max_size=2, unique=True))
    actions = draw(st.lists(slugs, max_size=2, unique=True))
    workflows = draw(st.lists(slugs, max_size=2, unique=True))
    return file_of(
        environments=[
            {"name": name, "description": draw(texts)} for name in environments
        ],
        detectors=[
            {
                "slug": slug,
                "name": draw(names),
                "event_type": draw(st.sampled_from(["*", "a.*", "a.b"])),
                "source": draw(texts),
                "kind": "event",
                "enabled": draw(st.booleans()),
                "trigger": draw(groups),
            }
            for slug in detectors
        ],
        actions=[
            {
                "slug": slug,
                "name": draw(names),
                "kind": "log",
                "config": {"level": "info", "message": "x"},
            }
            for slug in actions
        ],
        workflows=[
            {
                "slug": slug,
                "name": draw(names),
                "environment": draw(st.sampled_from([None, *environments])),
                "interval": draw(st.integers(0, 2_678_400)),
                "snoozed_until": draw(moments),
                "when": draw(groups),
                "if": draw(_ifs(actions)),
                "detectors": draw(
                    st.lists(st.sampled_from(detectors), unique=True)
                    if detectors
                    else st.just([])
                ),
            }
            for slug in workflows
        ],
    )


def empty() -> None:
    for model in (Workflow, Action, Detector, Environment):
        model._default_manager.all().delete()


def round_trip(data: dict[str, Any]) -> None:
    empty()
    import_rules(data)
    first = dumps(export_rules())
    again = import_rules(data, check=True)

    empty()
    import_rules(json.loads(first))
    second = dumps(export_rules())

    assert again == []
    assert second == first
    assert import_rules(json.loads(second)) == []


def test_round_trip__everything() -> None:
    round_trip(NIGHT)


# The rows of one example are gone before the next begins.
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=files())
def test_round_trip__any_rules(data: dict[str, Any]) -> None:
    round_trip(data)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=files(), new=files())
def test_import__over_any_rules(old: dict[str, Any], new: dict[str, Any]) -> None:
    empty()
    import_rules(new)
    wanted = dumps(export_rules())
    empty()
    import_rules(old)

    import_rules(new, delete_missing=True)

    assert dumps(export_rules()) == wanted
