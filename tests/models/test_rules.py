"""Rules are refused when they are wrong and announced when many are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core import serializers
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from pytest_django import DjangoAssertNumQueries

from tests.factories import (
    FACTORIES,
    ActionFactory,
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    DetectorStateFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from workflow_engine.models import (
    Action,
    Condition,
    ConditionGroup,
    Detector,
    DetectorWorkflow,
    Workflow,
)
from workflow_engine.models.rules import Rule, rows_changed, rows_will_change
from workflow_engine.receivers import connect, disconnect

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

# What is wrong, the field that says so, and a word of the sentence.
WRONG: list[Any] = [
    pytest.param(model, traits, changed, field, words, id=name)
    for name, model, traits, changed, field, words in [
        ("detector-kind", Detector, {}, {"kind": "no"}, "kind", "not registered"),
        ("detector-config", Detector, {}, {"kind": "t_n"}, "config", "'n'"),
        ("detector-slug", Detector, {}, {"slug": "A b"}, "slug", "lower-case"),
        ("detector-type", Detector, {}, {"event_type": ".*"}, "event_type", "exact"),
        ("workflow-slug", Workflow, {}, {"slug": "ä"}, "slug", "lower-case"),
        ("action-slug", Action, {}, {"slug": "-a"}, "slug", "lower-case"),
        ("action-kind", Action, {}, {"kind": "no"}, "kind", "not registered"),
        ("action-config", Action, {}, {"kind": "t_n"}, "config", "'n'"),
        ("group-logic", ConditionGroup, {}, {"logic": "most"}, "logic", "any_short"),
        ("condition-type", Condition, {}, {"type": "no"}, "type", "not registered"),
        ("condition-config", Condition, {}, {"type": "t_n"}, "config", "'n'"),
        (
            "condition-role",
            Condition,
            {"trigger": True},
            {"type": "t_later"},
            "type",
            "role if, when",
        ),
        (
            "condition-detection",
            Condition,
            {"trigger": True},
            {"config": {"path": "detection.priority", "value": 1}},
            "config",
            "trigger group",
        ),
        ("condition-result", Condition, {}, {"result": 50}, "result", "'event'"),
        (
            "condition-result-of-threshold",
            Condition,
            {"trigger": True, "group__detector__threshold": True},
            {"result": 0},
            "result",
            "'event'",
        ),
    ]
]
NAMES = ("model", "traits", "changed", "field", "words")
wrong = pytest.mark.parametrize(NAMES, WRONG)
# What the database does not refuse by itself.
wrong_for_us = pytest.mark.parametrize(
    NAMES, [case for case in WRONG if not str(case.id).endswith("-slug")]
)


def _says(
    refused: pytest.ExceptionInfo[ValidationError], field: str, words: str
) -> bool:
    return words in " ".join(refused.value.message_dict[field])


@wrong
def test_save__refused(
    model: type[Rule], traits: Any, changed: Any, field: str, words: str
) -> None:
    row = FACTORIES[model](**traits)
    _change(row, changed)

    with pytest.raises(ValidationError) as refused:
        row.save()

    assert _says(refused, field, words)


@wrong
def test_full_clean__refused_once(
    model: type[Rule], traits: Any, changed: Any, field: str, words: str
) -> None:
    row = FACTORIES[model](**traits)
    _change(row, changed)

    with pytest.raises(ValidationError) as refused:
        row.full_clean()

    messages = refused.value.message_dict[field]
    assert len(messages) == len(set(messages))


@wrong_for_us
def test_update__refused_and_undone(
    model: Any, traits: Any, changed: Any, field: str, words: str
) -> None:
    row = FACTORIES[model](**traits)
    before = model.objects.filter(pk=row.pk).values().get()

    with pytest.raises(ValidationError) as refused:
        model.objects.filter(pk=row.pk).update(**changed)

    assert _says(refused, field, words)
    assert model.objects.filter(pk=row.pk).values().get() == before


@wrong_for_us
def test_bulk_update__refused_and_undone(
    model: Any, traits: Any, changed: Any, field: str, words: str
) -> None:
    row = FACTORIES[model](**traits)
    before = model.objects.filter(pk=row.pk).values().get()
    _change(row, changed)

    with pytest.raises(ValidationError) as refused:
        model.objects.bulk_update([row], list(changed))

    assert _says(refused, field, words)
    assert model.objects.filter(pk=row.pk).values().get() == before


@wrong
def test_bulk_create__refused_whole(
    model: Any, traits: Any, changed: Any, field: str, words: str
) -> None:
    good = FACTORIES[model](**traits)
    model.objects.all().delete()
    good.pk = None
    bad = FACTORIES[model].build(**traits)
    for name in ("group", "workflow", "detector"):
        if hasattr(good, name):
            setattr(bad, name, getattr(good, name))
    _change(bad, changed)

    with pytest.raises(ValidationError) as refused:
        model.objects.bulk_create([good, bad])

    assert _says(refused, field, words)
    assert not model.objects.exists()


@wrong_for_us
def test_fixture__is_loaded_as_it_is(
    model: Any, traits: Any, changed: Any, field: str, words: str
) -> None:
    row = FACTORIES[model](**traits)
    _change(row, changed)
    text = serializers.serialize("json", [row])

    for read in serializers.deserialize("json", text):
        read.save()

    row.refresh_from_db()
    assert all(getattr(row, name) == value for name, value in changed.items())


@pytest.mark.parametrize(
    "event_type",
    ["order.paid", "order", "*", "order.*", "a.b.c.d.e.f.g.h.*", "a.b.c.d.e.f.g.h.i.j"],
)
def test_event_type__accepted(event_type: str) -> None:
    detector = DetectorFactory(event_type=event_type)

    detector.full_clean()


@pytest.mark.parametrize(
    "event_type",
    ["*.paid", "order.*.x", "order*", ".*", "a.b.c.d.e.f.g.h.i.*", "**", "*.*"],
)
def test_event_type__refused(event_type: str) -> None:
    with pytest.raises(ValidationError) as refused:
        DetectorFactory(event_type=event_type)

    assert refused.value.message_dict == {
        "event_type": ["event type must be exact, 'a.b.*' or '*'"]
    }


def test_event_type__never_empty() -> None:
    with pytest.raises(ValidationError) as refused:
        DetectorFactory(event_type="")

    assert _says(refused, "event_type", "blank")


def test_route__as_long_as_an_index_entry_holds() -> None:
    with pytest.raises(ValidationError) as refused:
        DetectorFactory(event_type="\U0001d11e" * 200, source="\U0001d11e" * 500)

    assert "2800 bytes" in refused.value.message_dict["source"][0]


def test_kind__not_changed_under_the_priorities_of_its_conditions() -> None:
    condition = ConditionFactory(trigger=True, result=75)
    detector = condition.group.detector
    assert detector is not None
    detector.kind = "threshold"

    with pytest.raises(ValidationError) as refused:
        detector.save()

    assert _says(refused, "kind", "priority")


def test_condition__detection_is_there_for_a_workflow() -> None:
    condition = ConditionFactory(config={"path": "detection.priority", "value": 75})

    condition.full_clean()


def test_condition__path_that_only_begins_alike() -> None:
    ConditionFactory(trigger=True, type="t_any", config={"path": "detections.a"})

    assert Condition.objects.count() == 1


def test_condition__judged_before_its_group_is_saved() -> None:
    group = ConditionGroupFactory.build(trigger=True)
    condition = ConditionFactory.build(group=group, type="t_later")

    problems = condition.problems()

    assert "role if, when" in problems["type"][0]


@pytest.mark.parametrize("traits", [{"trigger": True}, {}], ids=["trigger", "when"])
def test_carried__by_an_if_group_only(traits: dict[str, bool]) -> None:
    group = ConditionGroupFactory(**traits)

    with pytest.raises(ValidationError) as refused:
        GroupActionFactory(group=group)

    assert _says(refused, "group", "if-group")


def test_save__of_other_fields_does_not_judge() -> None:
    action = ActionFactory()
    action.kind = "gone"
    action.enabled = False

    action.save(update_fields=["enabled"])

    action.refresh_from_db()
    assert (action.kind, action.enabled) == ("log", False)


@pytest.mark.parametrize(
    "write",
    [
        lambda row: row.save(),
        lambda row: row.save(update_fields=["name"]),
        lambda row: Action.objects.filter(pk=row.pk).update(name="x"),
        lambda row: Action.objects.bulk_update([row], ["name"]),
    ],
    ids=["save", "save-fields", "update", "bulk_update"],
)
def test_updated_at__moves_with_every_write(write: Callable[[Action], Any]) -> None:
    action = ActionFactory()
    Action.objects.update(updated_at=LONG_AGO)
    action.refresh_from_db()

    write(action)

    action.refresh_from_db()
    assert action.updated_at > action.created_at > LONG_AGO


def test_memory__bound() -> None:
    state = DetectorStateFactory(memory={"text": "x" * 4085})
    state.full_clean()

    state.memory = {"text": "é" * 2043}
    with pytest.raises(ValidationError) as refused:
        state.full_clean()

    assert refused.value.message_dict["memory"] == [
        "The value is 4097 bytes of JSON, at most 4096."
    ]


@pytest.fixture
def announced() -> Iterator[list[tuple[str, type[Any], dict[str, Any]]]]:
    """Collect what is announced."""
    heard: list[tuple[str, type[Any], dict[str, Any]]] = []

    def before(sender: type[Any], signal: Any, **told: Any) -> None:
        heard.append(("before", sender, told))

    def after(sender: type[Any], signal: Any, **told: Any) -> None:
        heard.append(("after", sender, told))

    rows_will_change.connect(before)
    rows_changed.connect(after)
    yield heard
    rows_will_change.disconnect(before)
    rows_changed.disconnect(after)


def test_update__announced_before_and_after(announced: Any) -> None:
    rows = [WorkflowFactory(), WorkflowFactory()]
    WorkflowFactory(disabled=True)

    Workflow.objects.filter(enabled=True).update(enabled=False)

    ids = {row.pk for row in rows}
    assert [(when, sender) for when, sender, _ in announced] == [
        ("before", Workflow),
        ("after", Workflow),
    ]
    assert all(set(told["ids"]) == ids for _, _, told in announced)
    assert all(told["using"] == "default" for _, _, told in announced)


def test_bulk_update__announced(announced: Any) -> None:
    workflow = WorkflowFactory()
    workflow.name = "New"

    Workflow.objects.bulk_update([workflow], ["name"])

    assert [when for when, _, _ in announced] == ["before", "after"]


def test_bulk_create__announced_with_its_rows(announced: Any) -> None:
    rows = [ActionFactory.build(), ActionFactory.build()]

    Action.objects.bulk_create(rows)

    ((when, sender, told),) = announced
    assert (when, sender) == ("after", Action)
    assert told["rows"] == tuple(rows)
    assert set(told["ids"]) == {row.pk for row in rows}


def test_bulk_create__what_conflicts_is_announced_before(announced: Any) -> None:
    there, other = DetectorFactory(), DetectorFactory()
    new = DetectorFactory.build(slug=there.slug, event_type="new.type")

    Detector.objects.bulk_create(
        [new, DetectorFactory.build()],
        update_conflicts=True,
        unique_fields=["slug"],
        update_fields=["event_type"],
    )

    (when, sender, told), (then, _, _) = announced
    assert (when, sender, then) == ("before", Detector, "after")
    assert told["ids"] == (there.pk,)
    assert other.pk not in told["ids"]


def test_links__set_and_added_by_the_relation_are_announced(announced: Any) -> None:
    workflow = WorkflowFactory()
    detector = DetectorFactory()

    workflow.detectors.add(detector)

    ((_, sender, told),) = announced
    assert sender is DetectorWorkflow
    assert [row.detector_id for row in told["rows"]] == [detector.pk]


@pytest.fixture
def _nobody_listens() -> Iterator[None]:
    disconnect()
    yield
    connect()


@pytest.mark.usefixtures("_nobody_listens")
def test_update__nobody_listens_costs_one_query(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    WorkflowFactory()

    with django_assert_num_queries(1):
        Workflow.objects.update(enabled=False)


@pytest.mark.usefixtures("_nobody_listens")
def test_bulk_create__judges_without_a_query_per_row(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    group = ConditionGroupFactory(trigger=True)
    config = {"path": "data.a", "value": 1}
    rows = [
        Condition(group_id=group.pk, type="eq", config=config, position=n)
        for n in range(50)
    ]

    with django_assert_num_queries(3):  # the group, its detector, the insertion
        Condition.objects.bulk_create(rows)


def test_update__refused_by_the_database_too() -> None:
    WorkflowFactory()

    with pytest.raises(IntegrityError, match="wfe_workflow_interval"):
        Workflow.objects.update(interval=-1)


def _change(row: Any, changed: dict[str, Any]) -> None:
    for name, value in changed.items():
        setattr(row, name, value)
