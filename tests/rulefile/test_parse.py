"""Whatever is wrong with a file is found, with its place and its cure, and nothing is written."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.rulefile.documents import NIGHT, condition, file_of
from workflow_engine.exceptions import InvalidRules
from workflow_engine.rulefile import export_rules, import_rules

pytestmark = pytest.mark.django_db

DETECTOR = {"slug": "d", "event_type": "t", "kind": "event"}
ACTION = {"slug": "a", "kind": "log", "config": {"level": "info", "message": "m"}}
DEEP: list[Any] = []
for _ in range(40):
    DEEP = [DEEP]


def detectors(**changed: Any) -> dict[str, Any]:
    return file_of(detectors=[{**DETECTOR, **changed}])


def workflows(**changed: Any) -> dict[str, Any]:
    return file_of(actions=[ACTION], workflows=[{"slug": "w", **changed}])


def when(**changed: Any) -> dict[str, Any]:
    return workflows(when={"conditions": [{**condition(1), **changed}]})


def carried(*actions: Any) -> dict[str, Any]:
    return workflows(**{"if": [{"actions": list(actions)}]})


BAD: dict[str, tuple[Any, str]] = {
    "list": ([], "the file: must be an object, got a list"),
    "null": (None, "the file: must be an object, got null"),
    "no-format": (
        {},
        "format: is not given, and this version reads 1; export the rules anew",
    ),
    "other-format": (
        {"format": 2},
        "format: is 2, and this version reads 1; export the rules anew",
    ),
    "text-format": ({"format": "1"}, "format: must be a whole number, got a text"),
    "true-format": (
        {"format": True},
        "format: must be a whole number, got true",
    ),
    "unknown-section": (
        file_of(rules=[]),
        "rules: is not a key here; known: format, environments, detectors, actions, workflows",
    ),
    "nearly-a-section": (
        file_of(workflow=[]),
        "workflow: is not a key here; did you mean 'workflows'?",
    ),
    "section-object": (file_of(actions={}), "actions: must be a list, got an object"),
    "rule-text": (file_of(actions=["x"]), "actions[0]: must be an object, got a text"),
    "unknown-key": (
        detectors(event_typ="x"),
        "detectors[0].event_typ: is not a key here; did you mean 'event_type'?",
    ),
    "no-slug": (
        file_of(workflows=[{"name": "W"}]),
        "workflows[0].slug: is required",
    ),
    "slug-number": (
        workflows(slug=7),
        "workflows[0].slug: must be a text, got 7",
    ),
    "slug-null": (workflows(slug=None), "workflows[0].slug: must be a text, got null"),
    "slug-upper": (
        workflows(slug="W"),
        "workflows[0].slug: A slug is made of lower-case letters a-z, digits, '-' and '_'.",
    ),
    "slug-long": (
        workflows(slug="w" * 101),
        "workflows[0].slug: Ensure this value has at most 100 characters (it has 101).",
    ),
    "name-empty": (
        workflows(name=""),
        "workflows[0].name: This field cannot be blank.",
    ),
    "name-zero": (
        workflows(name="a\0"),
        "workflows[0].name: contains U+0000; take it out",
    ),
    "name-half": (
        workflows(name="\ud800"),
        "workflows[0].name: contains half a surrogate pair; write the whole character",
    ),
    "enabled-number": (
        workflows(enabled=1),
        "workflows[0].enabled: must be true or false, got 1",
    ),
    "interval-text": (
        workflows(interval="60"),
        "workflows[0].interval: must be a whole number, got a text",
    ),
    "interval-high": (
        workflows(interval=2_678_401),
        "workflows[0].interval: must be 0 to 2678400, got 2678401",
    ),
    "interval-low": (
        workflows(interval=-1),
        "workflows[0].interval: must be 0 to 2678400, got -1",
    ),
    "snoozed-without-offset": (
        workflows(snoozed_until="2026-05-02T10:00:00"),
        "workflows[0].snoozed_until: must be an RFC 3339 date-time with an offset, or null",
    ),
    "note-long": (
        workflows(snooze_note="x" * 201),
        "workflows[0].snooze_note: Ensure this value has at most 200 characters (it has 201).",
    ),
    "environment-unknown": (
        file_of(
            environments=[{"name": "production"}],
            workflows=[{"slug": "w", "environment": "producton"}],
        ),
        "workflows[0].environment: there is no environment 'producton'; add it to environments in the file, or did you mean 'production'?",
    ),
    "environment-nameless": (
        file_of(environments=[{"name": ""}]),
        "environments[0].name: This field cannot be blank.",
    ),
    "environment-long": (
        file_of(environments=[{"name": "e" * 65}]),
        "environments[0].name: Ensure this value has at most 64 characters (it has 65).",
    ),
    "environment-twice": (
        file_of(environments=[{"name": "e"}, {"name": "e"}]),
        "environments[1].name: is given before, at environments[0].name; keep one",
    ),
    "slug-twice": (
        file_of(detectors=[DETECTOR, DETECTOR]),
        "detectors[1].slug: is given before, at detectors[0].slug; keep one",
    ),
    "link-unknown": (
        workflows(detectors=["d"]),
        "workflows[0].detectors[0]: there is no detector 'd'; add it to detectors in the file",
    ),
    "link-twice": (
        file_of(
            detectors=[DETECTOR], workflows=[{"slug": "w", "detectors": ["d", "d"]}]
        ),
        "workflows[0].detectors[1]: is given before, at workflows[0].detectors[0]; keep one",
    ),
    "kind-missing": (
        file_of(detectors=[{"slug": "d", "event_type": "t"}]),
        "detectors[0].kind: is required",
    ),
    "kind-unknown": (
        detectors(kind="nothing"),
        "detectors[0].kind: Detector kind 'nothing' is not registered; known: ",
    ),
    "event-type-star": (
        detectors(event_type="a.*.b"),
        "detectors[0].event_type: event type must be exact, 'a.b.*' or '*'",
    ),
    "detector-config": (
        detectors(config={"priority": "urgent"}),
        "detectors[0].config: priority: 'urgent' is not one of ['low', 'medium', 'high']",
    ),
    "config-list": (
        detectors(config=[]),
        "detectors[0].config: [] is not of type 'object'",
    ),
    "config-nan": (
        detectors(config={"x": [float("nan")]}),
        "detectors[0].config: contains nan, which is not JSON; write a number",
    ),
    "config-foreign": (
        detectors(config={"x": {1, 2}}),
        "detectors[0].config: contains a set, which is not JSON",
    ),
    "config-key": (
        detectors(config={1: 2}),
        "detectors[0].config: has a key that is not a text",
    ),
    "config-zero": (
        detectors(config={"x": "\0"}),
        "detectors[0].config: contains U+0000; take it out",
    ),
    "config-half": (
        detectors(config={"\udfff": 1}),
        "detectors[0].config: contains half a surrogate pair; write the whole character",
    ),
    "config-deep": (
        detectors(config={"x": DEEP}),
        "detectors[0].config: is more than 32 containers deep; flatten it",
    ),
    "action-kind": (
        file_of(actions=[{**ACTION, "kind": "fax"}]),
        "actions[0].kind: Action kind 'fax' is not registered; known: ",
    ),
    "action-config": (
        file_of(actions=[{**ACTION, "config": {}}]),
        "actions[0].config: 'message' is a required property",
    ),
    "webhook-secret": (
        file_of(
            actions=[
                {
                    "slug": "hook",
                    "kind": "webhook",
                    "config": {"url": "https://example.org/", "secret": "whsec_abc"},
                }
            ]
        ),
        "actions[0].config: secret: is not what the schema takes; its value is not shown",
    ),
    "when-list": (
        workflows(when=[]),
        "workflows[0].when: must be an object, got a list",
    ),
    "logic": (
        workflows(when={"logic": "most"}),
        "workflows[0].when.logic: Logic 'most' is not known; known: any, any_short, all, none",
    ),
    "actions-in-when": (
        workflows(when={"actions": []}),
        "workflows[0].when.actions: is not a key here; did you mean 'conditions'?",
    ),
    "condition-type": (
        when(type="equals"),
        "workflows[0].when.conditions[0].type: Condition type 'equals' is not registered; known: ",
    ),
    "condition-config": (
        when(config={"value": 1}),
        "workflows[0].when.conditions[0].config: 'path' is a required property",
    ),
    "condition-slow-in-trigger": (
        detectors(
            trigger={
                "conditions": [
                    {
                        "type": "frequency",
                        "config": {"period": 60, "op": "gte", "value": 3},
                    }
                ]
            }
        ),
        "detectors[0].trigger.conditions[0].type: Condition type 'frequency' stands in groups of role if, when only",
    ),
    "detection-in-trigger": (
        detectors(
            trigger={
                "conditions": [
                    {"type": "exists", "config": {"path": "detection.value"}}
                ]
            }
        ),
        "detectors[0].trigger.conditions[0].config: path: 'detection' does not exist in a trigger group",
    ),
    "result-other": (
        detectors(trigger={"conditions": [{**condition(1), "result": 10}]}),
        "detectors[0].trigger.conditions[0].result: must be one of 0, 25, 50, 75 or null, got 10",
    ),
    "result-true": (
        detectors(trigger={"conditions": [{**condition(1), "result": False}]}),
        "detectors[0].trigger.conditions[0].result: must be one of 0, 25, 50, 75 or null, got false",
    ),
    "result-in-when": (
        when(result=25),
        "workflows[0].when.conditions[0].result: only the trigger group of a detector of kind 'event' has priorities",
    ),
    "action-unknown": (
        carried({"action": "b"}),
        "workflows[0].if[0].actions[0].action: there is no action 'b'; add it to actions in the file",
    ),
    "action-missing": (
        carried({}),
        "workflows[0].if[0].actions[0].action: is required",
    ),
    "action-twice": (
        carried({"action": "a", "delay": 5}, {"action": "a", "delay": 5}),
        "workflows[0].if[0].actions[1]: is given before, at workflows[0].if[0].actions[0]; keep one",
    ),
    "delay-float": (
        carried({"action": "a", "delay": 1.5}),
        "workflows[0].if[0].actions[0].delay: must be a whole number, got 1.5",
    ),
    "snoozed-empty": (
        workflows(snoozed_until=""),
        "workflows[0].snoozed_until: must be an RFC 3339 date-time with an offset, or null",
    ),
    "snoozed-number": (
        workflows(snoozed_until=5),
        "workflows[0].snoozed_until: must be a text, got 5",
    ),
    "result-without-kind": (
        file_of(
            detectors=[
                {
                    "slug": "d",
                    "event_type": "t",
                    "trigger": {"conditions": [{**condition(1), "result": 50}]},
                }
            ]
        ),
        "detectors[0].kind: is required",
    ),
    "delay-high": (
        carried({"action": "a", "delay": 2_678_401}),
        "workflows[0].if[0].actions[0].delay: must be 0 to 2678400, got 2678401",
    ),
    "on-resolve-text": (
        carried({"action": "a", "on_resolve": "yes"}),
        "workflows[0].if[0].actions[0].on_resolve: must be true or false, got a text",
    ),
}


def _without_known(error: str) -> str:
    """Return an error without the names of handlers, to which a project adds its own."""
    head, mark, _ = error.partition("registered; known: ")
    return head + mark


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD.keys())
def test_import__refused(data: Any, message: str) -> None:
    before = export_rules()

    with pytest.raises(InvalidRules) as refused:
        import_rules(data)

    found = [_without_known(error) for error in refused.value.errors]
    assert found == [message]
    assert export_rules() == before


def test_import__every_error_at_once_and_nothing_written() -> None:
    data = deepcopy(NIGHT)
    data["detectors"][0]["kind"] = "nothing"
    data["actions"][1]["config"] = {"level": "loud"}
    data["workflows"][0]["interval"] = None
    data["workflows"][0]["if"][0]["conditions"].append({"type": "eq"})

    with pytest.raises(InvalidRules) as refused:
        import_rules(data)

    places = [error.split(": ")[0] for error in refused.value.errors]
    assert sorted(set(places)) == [
        "actions[1].config",
        "detectors[0].kind",
        "detectors[0].trigger.conditions[0].result",
        "detectors[0].trigger.conditions[1].result",
        "workflows[0].if[0].conditions[1].config",
        "workflows[0].interval",
    ]
    assert places.index("detectors[0].kind") < places.index("actions[1].config")
    assert export_rules()["detectors"] == []


def test_import__names_of_the_database_are_known_unless_the_rest_is_deleted() -> None:
    import_rules(file_of(environments=[{"name": "e"}], detectors=[DETECTOR]))
    data = file_of(
        workflows=[{"slug": "w", "environment": "e", "detectors": ["d"]}],
    )

    import_rules(data)
    with pytest.raises(InvalidRules) as refused:
        import_rules(data, delete_missing=True)

    assert [error.split(";")[0] for error in refused.value.errors] == [
        "workflows[0].environment: there is no environment 'e'",
        "workflows[0].detectors[0]: there is no detector 'd'",
    ]


def test_import__a_moment_in_any_offset_is_one_moment() -> None:
    import_rules(workflows(snoozed_until="2026-05-02T12:00:00.5+02:00"))

    found = import_rules(workflows(snoozed_until="2026-05-02T10:00:00.500Z"))

    assert found == []
    until = export_rules()["workflows"][0]["snoozed_until"]
    assert datetime.fromisoformat(until) == datetime(2026, 5, 2, 10, 0, 0, 500000, UTC)
