"""An import makes rows what the file says, through `save`, with few writes, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.db import connection, models
from django.db.models.signals import post_delete, post_save
from django.test.utils import CaptureQueriesContext

from tests.factories import ActionFactory, GroupActionFactory
from tests.rulefile.documents import NIGHT, condition, file_of
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
from workflow_engine.rulefile import export_rules, import_rules
from workflow_engine.types.instants import parse_instant

pytestmark = pytest.mark.django_db


@pytest.fixture
def written() -> Iterator[list[str]]:
    """Return a list to which signals of rows written and deleted go."""
    heard: list[str] = []

    def saved(sender: type[models.Model], *, created: bool, **_: Any) -> None:
        heard.append(f"{'+' if created else '~'} {sender.__name__}")

    def deleted(sender: type[models.Model], **_: Any) -> None:
        heard.append(f"- {sender.__name__}")

    post_save.connect(saved)
    post_delete.connect(deleted)
    yield heard
    post_save.disconnect(saved)
    post_delete.disconnect(deleted)


def night(**values: Any) -> dict[str, Any]:
    data = deepcopy(NIGHT)
    data["workflows"][0] |= values
    return data


def when(*values: Any) -> dict[str, Any]:
    conditions = [condition(value) for value in values]
    return file_of(workflows=[{"slug": "w", "when": {"conditions": conditions}}])


def ifs(*values: Any) -> dict[str, Any]:
    groups = [{"conditions": [condition(value)]} for value in values]
    return file_of(workflows=[{"slug": "w", "if": groups}])


def keys_by_value() -> dict[Any, int]:
    return {row.config["value"]: row.pk for row in Condition.objects.all()}


def groups_by_value() -> dict[Any, int]:
    rows = Condition.objects.select_related("group")
    return {row.config["value"]: row.group_id for row in rows}


def test_import__check_changes_nothing(written: list[str]) -> None:
    found = import_rules(NIGHT, check=True)

    assert len(found) == 8
    assert written == []
    assert Workflow.objects.count() == 0


def test_import__a_second_time_writes_nothing(written: list[str]) -> None:
    import_rules(NIGHT)
    assert len(written) == 22
    written.clear()

    found = import_rules(NIGHT)

    assert found == []
    assert written == []


def test_import__one_value_writes_one_row(written: list[str]) -> None:
    import_rules(NIGHT)
    written.clear()

    import_rules(night(interval=600))

    assert written == ["~ Workflow"]
    assert Workflow.objects.get(slug="night-shift").interval == 600


def test_import__absent_keys_take_defaults() -> None:
    import_rules(NIGHT)

    import_rules(file_of(workflows=[{"slug": "night-shift"}]))

    row = Workflow.objects.get(slug="night-shift")
    assert (row.name, row.environment, row.snoozed_until) == ("night-shift", None, None)
    assert (row.groups.count(), row.links.count(), row.snooze_note) == (0, 0, "")
    assert Detector.objects.count() == 2


def test_import__descriptions_and_traces_stay_when_not_given() -> None:
    import_rules(NIGHT)
    until = parse_instant("2030-01-01T00:00:00Z")
    Workflow.objects.filter(slug="night-shift").update(trace_until=until)

    import_rules(
        file_of(
            environments=[{"name": "production"}], workflows=[{"slug": "night-shift"}]
        )
    )

    row = Workflow.objects.get(slug="night-shift")
    assert row.description == "Who sleeps is told."
    assert row.trace_until == until
    assert Environment.objects.get(name="production").description == "Live."


def test_import__other_rules_stay_unless_they_are_to_go() -> None:
    import_rules(NIGHT)
    data = file_of(workflows=[{"slug": "other"}])

    import_rules(data)
    kept = Workflow.objects.count()
    import_rules(data, delete_missing=True)

    assert kept == 3
    assert list(Workflow.objects.values_list("slug", flat=True)) == ["other"]
    for model in (Detector, Action, Environment, Condition, GroupAction):
        assert model._default_manager.count() == 0


def test_import__an_action_still_carried_can_go_once_the_file_drops_it() -> None:
    import_rules(NIGHT)
    data = night(**{"if": []})
    data["actions"] = []

    import_rules(data, delete_missing=True)

    assert Action.objects.count() == 0


def test_import__conditions_that_stay_keep_their_keys() -> None:
    import_rules(when("a", "b", "c"))
    before = keys_by_value()

    import_rules(when("c", "new", "a"))

    after = keys_by_value()
    assert set(after) == {"a", "new", "c"}
    assert (after["a"], after["c"]) == (before["a"], before["c"])
    assert after["new"] not in before.values()
    found = export_rules()["workflows"][0]["when"]["conditions"]
    assert [one["config"]["value"] for one in found] == ["c", "new", "a"]


def test_import__a_condition_given_twice_is_two_rows() -> None:
    import_rules(when("a", "a"))

    found = import_rules(when("a", "a", "a"))

    assert len(found) == 1
    assert Condition.objects.count() == 3


@pytest.mark.parametrize(
    ("positions", "after"),
    [
        ((0, 1, 2), "cab"),
        ((0, 1, 2), "ba"),
        ((0, 1, 2), "cxb"),
        ((0, 1, 2), "xyzabc"),
        ((-4, 7, 8), "cba"),
        ((0, 1, 2), "c"),
        ((5, 6, 7), "xcxba"),
    ],
)
def test_import__if_groups_that_stay_keep_their_keys(
    positions: tuple[int, int, int], after: str
) -> None:
    import_rules(ifs(*"abc"))
    rows = ConditionGroup.objects.order_by("pk")
    for row, position in zip(rows, positions, strict=True):
        ConditionGroup.objects.filter(pk=row.pk).update(position=position + 100)
    for row, position in zip(rows, positions, strict=True):
        ConditionGroup.objects.filter(pk=row.pk).update(position=position)
    before = groups_by_value()

    import_rules(ifs(*after))

    groups = export_rules()["workflows"][0]["if"]
    found = "".join(one["conditions"][0]["config"]["value"] for one in groups)
    kept = {value: key for value, key in before.items() if value in after}
    assert found == after
    assert groups_by_value() | kept == groups_by_value()


def test_import__a_changed_if_group_keeps_its_key() -> None:
    import_rules(ifs("a", "b"))
    before = groups_by_value()

    import_rules(ifs("a", "x"))

    assert groups_by_value() == {"a": before["a"], "x": before["b"]}


def test_import__carried_actions(written: list[str]) -> None:
    def data(*carried: Any) -> dict[str, Any]:
        groups = [{"actions": [{"action": a, "delay": d} for a, d in carried]}]
        return night(**{"if": groups})

    import_rules(data(("note", 0), ("note", 60), ("escalate", 0)))
    written.clear()

    import_rules(data(("escalate", 0), ("note", 60), ("escalate", 60)))

    rows = GroupAction.objects.order_by("position")
    assert [(row.action.slug, row.delay) for row in rows] == [
        ("escalate", 0),
        ("note", 60),
        ("escalate", 60),
    ]
    assert sorted(line for line in written if "GroupAction" in line) == [
        "+ GroupAction",
        "- GroupAction",
        "~ GroupAction",
    ]


def test_import__links_that_stay_keep_their_rows(written: list[str]) -> None:
    import_rules(night(detectors=["every"]))
    (before,) = DetectorWorkflow.objects.all()
    written.clear()

    import_rules(night(detectors=["failed-orders", "every"]))

    assert DetectorWorkflow.objects.filter(pk=before.pk).exists()
    assert [line for line in written if "DetectorWorkflow" in line] == [
        "+ DetectorWorkflow"
    ]


@pytest.mark.parametrize("kinds", [("event", "absence"), ("absence", "event")])
def test_import__another_kind_of_detector(kinds: tuple[str, str]) -> None:
    def data(kind: str) -> dict[str, Any]:
        result = 75 if kind == "event" else None
        return file_of(
            detectors=[
                {
                    "slug": "d",
                    "event_type": "t",
                    "kind": kind,
                    "config": {} if kind == "event" else {"for": 60},
                    "trigger": {"conditions": [{**condition(1), "result": result}]},
                }
            ]
        )

    import_rules(data(kinds[0]))
    import_rules(data(kinds[1]))

    found = export_rules()["detectors"][0]
    assert found["kind"] == kinds[1]
    assert (found["trigger"]["conditions"][0]["result"] == 75) == (kinds[1] == "event")


@pytest.mark.parametrize("trigger", [None, {"logic": "none"}, {"logic": "any"}])
def test_import__trigger_group_goes_and_changes(trigger: Any) -> None:
    data = deepcopy(NIGHT)
    import_rules(data)
    data["detectors"][0]["trigger"] = trigger

    import_rules(data)

    found = export_rules()["detectors"][1]["trigger"]
    assert found == (trigger and {**trigger, "conditions": []})
    assert import_rules(data) == []


def test_import__fails_half_way_and_nothing_is_written() -> None:
    def refuse(sender: type[models.Model], **_: Any) -> None:
        raise RuntimeError("the disk is full")

    post_save.connect(refuse, sender=DetectorWorkflow)
    try:
        with pytest.raises(RuntimeError):
            import_rules(NIGHT)
    finally:
        post_save.disconnect(refuse, sender=DetectorWorkflow)

    assert Detector.objects.count() == 0
    assert Environment.objects.count() == 0


def test_import__queries_of_an_import_that_changes_nothing() -> None:
    import_rules(NIGHT)

    with CaptureQueriesContext(connection) as queries:
        import_rules(NIGHT)

    writes = [q["sql"] for q in queries if q["sql"].startswith(("INSERT", "UPDATE"))]
    assert writes == []


def test_import__what_others_wrote_is_exported_as_it_is() -> None:
    carried = GroupActionFactory(action=ActionFactory(slug="a"), position=7)

    found = import_rules(export_rules())

    assert found == []
    carried.refresh_from_db()
    assert carried.position == 7
