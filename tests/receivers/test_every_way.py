"""Every way of writing every field: what changed in an answer is forgotten."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import product
from typing import Any, Final

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, models, transaction
from django.test import TestCase

from tests.caches.coherence.recording import Recording
from tests.receivers.answers import answers, changed, not_forgotten
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

THRESHOLD: Final = {"path": "data.value", "op": "gt", "levels": {"high": 10}}


def last(model: Any) -> Any:
    return model._default_manager.order_by("pk").last()


#: Model, the row to be changed, what is to stand in it; by the name of the case.
CHANGES: Final[dict[str, tuple[Any, dict[str, Any], dict[str, Any]]]] = {
    "detector-slug": (Detector, {}, {"slug": "changed"}),
    "detector-name": (Detector, {}, {"name": "changed"}),
    "detector-type": (Detector, {}, {"event_type": "other.type"}),
    "detector-source": (Detector, {}, {"source": "changed"}),
    "detector-config": (Detector, {}, {"config": {"track": True}}),
    "detector-enabled": (Detector, {}, {"enabled": False}),
    "detector-kind": (
        Detector,
        {"groups": None},
        {"kind": "threshold", "config": THRESHOLD},
    ),
    "environment-name": (Environment, {}, {"name": "changed"}),
    "workflow-slug": (Workflow, {}, {"slug": "changed"}),
    "workflow-name": (Workflow, {}, {"name": "changed"}),
    "workflow-enabled": (Workflow, {}, {"enabled": False}),
    "workflow-environment": (Workflow, {}, {"environment_id": last}),
    "workflow-interval": (Workflow, {}, {"interval": 77}),
    "workflow-snoozed": (Workflow, {}, {"snoozed_until": None}),
    "group-logic": (ConditionGroup, {"role": "when"}, {"logic": "none"}),
    "group-role": (ConditionGroup, {"role": "when"}, {"role": "if"}),
    "group-position": (ConditionGroup, {"role": "if"}, {"position": 77}),
    "group-workflow": (ConditionGroup, {"role": "when"}, {"workflow_id": last}),
    "group-detector": (ConditionGroup, {"role": "trigger"}, {"detector_id": last}),
    "condition-type": (Condition, {"group__role": "when"}, {"type": "ne"}),
    "condition-config": (Condition, {}, {"config": {"path": "data.b", "value": 2}}),
    "condition-result": (Condition, {"group__role": "trigger"}, {"result": 25}),
    "condition-position": (Condition, {}, {"position": 77}),
    "condition-group": (Condition, {"group__role": "when"}, {"group_id": last}),
    "condition-trigger": (Condition, {"group__role": "trigger"}, {"group_id": last}),
    "action-slug": (Action, {}, {"slug": "changed"}),
    "action-config": (Action, {}, {"config": {"level": "error", "message": "m"}}),
    "action-enabled": (Action, {}, {"enabled": False}),
    "carried-action": (GroupAction, {}, {"action_id": last}),
    "carried-group": (GroupAction, {}, {"group_id": last}),
    "carried-delay": (GroupAction, {}, {"delay": 77}),
    "carried-resolve": (GroupAction, {}, {"on_resolve": True}),
    "carried-position": (GroupAction, {}, {"position": 77}),
    "link-detector": (DetectorWorkflow, {}, {"detector_id": last}),
    "link-workflow": (DetectorWorkflow, {}, {"workflow_id": last}),
}


def change_of(name: str) -> tuple[Any, dict[str, Any]]:
    """Return a row and what is to stand in it."""
    model, where, new = CHANGES[name]
    row = model._default_manager.filter(**where).order_by("pk").first()
    new = {
        key: last(model._meta.get_field(key).related_model).pk
        if value is last
        else value
        for key, value in new.items()
    }
    return row, new


def save(row: Any, new: dict[str, Any]) -> None:
    vars(row).update(new)
    row.save()


def save_raw(row: Any, new: dict[str, Any]) -> None:
    vars(row).update(new)
    row.save_base(raw=True)


def save_update_fields(row: Any, new: dict[str, Any]) -> None:
    vars(row).update(new)
    row.save(update_fields=list(new))


def save_deferred(row: Any, new: dict[str, Any]) -> None:
    only = type(row)._default_manager.only(*new, "updated_at").get(pk=row.pk)
    vars(only).update(new)
    models.Model.save(only)


def save_another_instance(row: Any, new: dict[str, Any]) -> None:
    other = type(row)()
    vars(other).update({k: v for k, v in vars(row).items() if k != "_state"} | new)
    other.save()


def update(row: Any, new: dict[str, Any]) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(**new)


def update_or_create(row: Any, new: dict[str, Any]) -> None:
    type(row)._default_manager.update_or_create(pk=row.pk, defaults=new)


def bulk_update(row: Any, new: dict[str, Any]) -> None:
    vars(row).update(new)
    fields = [row._meta.get_field(name).name for name in new]
    type(row)._default_manager.bulk_update([row], fields)


def bulk_upsert(row: Any, new: dict[str, Any]) -> None:
    vars(row).update(new)
    fields = [row._meta.get_field(name).name for name in new]
    type(row)._default_manager.bulk_create(
        [row], update_conflicts=True, unique_fields=["id"], update_fields=fields
    )


WAYS: Final = (
    save,
    save_raw,
    save_update_fields,
    save_deferred,
    save_another_instance,
    update,
    update_or_create,
    bulk_update,
    bulk_upsert,
)


@contextmanager
def undone() -> Iterator[None]:
    """Give every case the same rows."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_write__any_field(
    recording: Recording, way: Callable[[Any, dict[str, Any]], None]
) -> None:
    before = answers()
    for name in CHANGES:
        with undone():
            row, new = change_of(name)
            recording.clear()

            with TestCase.captureOnCommitCallbacks(execute=True):
                way(row, new)

            differs = changed(before)
            assert differs, name
            assert not_forgotten(recording, differs) == set(), name
            assert recording.whole == set(), name


def another_place(row: Any) -> dict[str, Any]:
    """Move a row to other entries, unseen, and return where it was not."""
    moves: dict[Any, dict[str, Any]] = {
        Detector: {"event_type": "third.type", "source": "/third"},
        ConditionGroup: {"workflow_id": last(Workflow).pk},
        Condition: {"group_id": ConditionGroup.objects.filter(role="if").last().pk},  # type: ignore[union-attr] # there are two
        GroupAction: {"group_id": last(ConditionGroup).pk},
        DetectorWorkflow: {"detector_id": last(Detector).pk},
    }
    move = moves[type(row)]
    models.QuerySet(type(row)).filter(pk=row.pk).update(**move)
    return move


STALE: Final = [
    "detector-name",
    "detector-enabled",
    "group-logic",
    "condition-type",
    "carried-delay",
    "link-workflow",
]


@pytest.mark.django_db
@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize("way", WAYS[:5], ids=lambda way: way.__name__)
def test_write__stale_instance(
    recording: Recording, way: Callable[[Any, dict[str, Any]], None]
) -> None:
    for name in STALE:
        with undone():
            row, new = change_of(name)
            another_place(row)
            before = answers()
            recording.clear()

            with TestCase.captureOnCommitCallbacks(execute=True):
                way(row, new)

            differs = changed(before)
            assert differs, name
            assert not_forgotten(recording, differs) == set(), name


@pytest.mark.django_db
@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize("name", STALE)
def test_delete__stale_instance(recording: Recording, name: str) -> None:
    row, _ = change_of(name)
    another_place(row)
    before = answers()

    with TestCase.captureOnCommitCallbacks(execute=True):
        row.delete()

    differs = changed(before)
    assert differs
    assert not_forgotten(recording, differs) == set()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize("in_block", [False, True], ids=["autocommit", "atomic"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_write__field_in_a_real_transaction(
    recording: Recording, way: Callable[[Any, dict[str, Any]], None], in_block: bool
) -> None:
    for name in sorted({name.split("-")[0]: name for name in CHANGES}.values()):
        row, new = change_of(name)
        before = answers()
        recording.clear()

        if in_block:
            with transaction.atomic():
                way(row, new)
        else:
            way(row, new)

        differs = changed(before)
        assert differs, name
        assert not_forgotten(recording, differs) == set(), name


DELETED: Final[dict[str, tuple[Any, dict[str, Any]]]] = {
    "detector": (Detector, {}),
    "workflow": (Workflow, {}),
    "trigger": (ConditionGroup, {"role": "trigger"}),
    "when": (ConditionGroup, {"role": "when"}),
    "if": (ConditionGroup, {"role": "if"}),
    "condition": (Condition, {"group__role": "when"}),
    "sample": (Condition, {"group__role": "trigger"}),
    "carried": (GroupAction, {}),
    "link": (DetectorWorkflow, {}),
}


@pytest.mark.django_db
@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize("many", [False, True], ids=["row", "queryset"])
@pytest.mark.parametrize("name", DELETED)
def test_delete__cascades(recording: Recording, name: str, many: bool) -> None:
    model, where = DELETED[name]
    rows = model._default_manager.filter(**where).order_by("pk")
    before = answers()

    with TestCase.captureOnCommitCallbacks(execute=True):
        rows.delete() if many else rows[0].delete()

    differs = changed(before)
    assert differs
    assert not_forgotten(recording, differs) == set()
    assert {one.partition(":")[0] for one in recording.causes} == {"delete"}


@pytest.mark.django_db
@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize("model", [Detector, Workflow])
def test_delete__raw_fast_path_of_deferred_rows(
    recording: Recording, model: Any
) -> None:
    before = answers()

    with TestCase.captureOnCommitCallbacks(execute=True):
        model._default_manager.only("id").delete()

    assert not_forgotten(recording, changed(before)) == set()


def a_detector(number: int = 0) -> Detector:
    return Detector(slug=f"new-{number}", event_type="third.type", kind="event")


def a_link(number: int = 0) -> DetectorWorkflow:
    return DetectorWorkflow(
        detector=Detector.objects.order_by("pk")[number], workflow=last(Workflow)
    )


def a_condition() -> Condition:
    group = ConditionGroup.objects.filter(role="trigger").last()
    return Condition(
        group=group, type="eq", config={"path": "data.a", "value": 1}, position=99
    )


def a_group() -> ConditionGroup:
    return ConditionGroup(role="if", workflow=last(Workflow), position=99)


def a_carried() -> GroupAction:
    return GroupAction(group=last(ConditionGroup), action=last(Action))


def a_workflow() -> Workflow:
    return Workflow(slug="new", name="new")


MADE: Final = (a_detector, a_link, a_condition, a_group, a_carried, a_workflow)


def create(row: Any) -> None:
    row.save()


def create_with_key(row: Any) -> None:
    row.pk = 70_000
    row.save()


def create_bulk(row: Any) -> None:
    type(row)._default_manager.bulk_create([row])


def create_bulk_ignoring(row: Any) -> None:
    type(row)._default_manager.bulk_create([row], ignore_conflicts=True)


@pytest.mark.django_db
@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize(
    ("make", "way"),
    [
        pytest.param(make, way, id=f"{make.__name__}-{way.__name__}")
        for make, way in product(
            MADE, (create, create_with_key, create_bulk, create_bulk_ignoring)
        )
        # PostgreSQL ignores no conflicts where a constraint waits for the commit.
        if (make, way) != (a_condition, create_bulk_ignoring)
    ],
)
def test_create__row(
    recording: Recording, make: Callable[[], Any], way: Callable[[Any], None]
) -> None:
    row = make()
    before = answers()

    with TestCase.captureOnCommitCallbacks(execute=True):
        way(row)

    differs = changed(before)
    assert differs
    assert not_forgotten(recording, differs) == set()


class Undone(Exception):
    """Rolls a savepoint back."""


def random_write(choose: random.Random) -> None:
    """Do something to some row, in one of all ways, perhaps in a savepoint that is undone."""
    row, new = change_of(choose.choice(sorted(CHANGES)))
    if row is None:
        return
    named = {"slug", "name"} & set(new)
    new |= {name: f"{new[name]}-{row.pk}" for name in named}
    way: Callable[..., None] = choose.choice([*WAYS, lambda row, _: row.delete()])
    with suppress(Undone, DatabaseError, ValidationError), transaction.atomic():
        way(row, new)  # a constraint may refuse what chance came upon
        _undo_sometimes(choose)


def _undo_sometimes(choose: random.Random) -> None:
    if choose.random() < 0.2:
        raise Undone


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize("seed", range(8))
def test_write__many_at_random_in_one_transaction(
    recording: Recording, seed: int
) -> None:
    choose = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(6):
        before = answers()
        recording.clear()

        with transaction.atomic():
            for _ in range(choose.randint(1, 6)):
                random_write(choose)

        assert not_forgotten(recording, changed(before)) == set()
