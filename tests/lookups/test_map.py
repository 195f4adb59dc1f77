"""The map is whole: whatever a write changes in an answer, the map names its entry."""

from __future__ import annotations

import re
import sys
from typing import Any, Final

import msgspec
import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from tests.factories import (
    ActionFactory,
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    EnvironmentFactory,
    WorkflowFactory,
)
from tests.lookups.rows import linked, whole_detector, whole_workflow
from workflow_engine import lookups
from workflow_engine.caches import CacheAccess, Row, declared, row_of
from workflow_engine.lookups import accesses
from workflow_engine.models import (
    Condition,
    ConditionGroup,
    Detector,
    GroupAction,
    Workflow,
)

pytestmark = pytest.mark.django_db

MODELS: Final = sorted(declared.models(), key=lambda model: model.__name__)
UNTOUCHED: Final = {"id", "created_at", "updated_at"}
FIELDS: Final = [
    pytest.param(model, field, id=f"{model.__name__}.{field.name}")
    for model in MODELS
    for field in model._meta.concrete_fields
    if field.name not in UNTOUCHED
]
#: By field, what a text or a moment becomes; else "changed".
OTHERS: Final = {
    "event_type": "other.type",
    "role": "if",
    "logic": "none",
    "snoozed_until": None,
    "trace_until": None,
}


@pytest.fixture
def rules() -> None:
    """Write two of everything, and at the end of each table a row that nothing refers to."""
    for number in (1, 2):
        workflow = whole_workflow(
            environment=EnvironmentFactory(name=f"env-{number}"), snoozed=True
        )
        linked(whole_detector(source="/shop"), workflow)
    DetectorFactory()
    ConditionGroupFactory(workflow=WorkflowFactory(), if_group=True, position=9)
    ActionFactory()
    EnvironmentFactory(name="spare")


def keys_of(access: CacheAccess[Any, Any]) -> list[Any]:
    if access.name == "detector_ids_by_route":
        types, sources = ("order.failed", "other.type"), ("", "/shop", "changed")
        return [(event_type, source) for event_type in types for source in sources]
    model = Workflow if access.name == "workflows" else Detector
    return list(model._default_manager.values_list("pk", flat=True))


def loaded() -> dict[tuple[str, Any], Any]:
    return {
        (access.name, key): value
        for access in accesses()
        for key, value in access.load(keys_of(access)).items()
    }


def named(model: type[models.Model], rows: list[Row]) -> set[tuple[str, Any]]:
    return {
        (access.name, key)
        for access in declared.spoiled_by(model)
        for key in access.keys_of_rows(model, rows, connection.alias)
    }


def changed(before: dict[Any, Any], after: dict[Any, Any]) -> set[tuple[str, Any]]:
    return {key for key in before if before[key] != after.get(key, "gone")}


def other_value(field: models.Field[Any, Any], value: Any) -> Any:
    match field:
        case models.ForeignKey():
            related: Any = field.related_model
            return related._default_manager.order_by("pk").last().pk
        case models.BooleanField():
            return not value
        case models.IntegerField():
            return 25 if field.name == "result" else 77
        case models.JSONField():
            return {"changed": True}
        case _:
            pass
    return OTHERS.get(field.name, "changed")


def row_to_change(model: Any, field: models.Field[Any, Any]) -> models.Model:
    rows = model._default_manager.order_by("pk")
    if field.name == "role":
        rows = rows.filter(role="when")
    if field.null and isinstance(field, models.ForeignKey):
        rows = rows.filter(**{f"{field.name}__isnull": False})
    row: models.Model = rows.first()
    return row


@pytest.mark.parametrize(("model", "field"), FIELDS)
@pytest.mark.usefixtures("rules")
def test_map__any_field_of_any_model(
    model: type[models.Model], field: models.Field[Any, Any]
) -> None:
    row = row_to_change(model, field)
    before, old = loaded(), row_of(row)
    spoiled = named(model, [old])
    value = other_value(field, getattr(row, field.attname))

    models.QuerySet(model).filter(pk=row.pk).update(**{field.attname: value})

    row.refresh_from_db()
    spoiled |= named(model, [old, row_of(row)])
    assert changed(before, loaded()) <= spoiled


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.usefixtures("rules")
def test_map__any_row_deleted(model: type[models.Model]) -> None:
    row = model._default_manager.order_by("pk").first()
    assert row is not None
    before = loaded()
    spoiled = named(model, [row_of(row)])
    children = _children_spoil(row)
    if model.__name__ in {"Action", "Environment"}:
        GroupAction.objects.all().delete()
        Workflow.objects.update(environment=None)
        before = loaded()

    row.delete()

    assert changed(before, loaded()) <= spoiled | children


def _children_spoil(row: models.Model) -> set[tuple[str, Any]]:
    """Return what rows spoil that go with their parent: they are rows of their own."""
    found: set[tuple[str, Any]] = set()
    for relation in row._meta.related_objects:
        if relation.related_model in declared.models():
            for child in relation.related_model._default_manager.filter(
                **{relation.field.name: row}
            ):
                found |= named(type(child), [row_of(child)]) | _children_spoil(child)
    return found


@pytest.mark.usefixtures("rules")
def test_map__a_row_is_added() -> None:
    before = loaded()
    trigger = ConditionGroup.objects.filter(role="trigger").first()
    when = ConditionGroup.objects.filter(role="when").first()

    rows = [
        ConditionFactory(group=trigger),
        ConditionFactory(group=when),
        DetectorFactory(event_type="other.type"),
    ]

    after = loaded()
    spoiled = {key for row in rows for key in named(type(row), [row_of(row)])}
    assert changed(before, after) <= spoiled
    assert {name for name, _ in changed(before, after)} == {
        "detector_ids_by_route",
        "detectors",
        "workflows",
    }


@pytest.mark.parametrize("access", accesses(), ids=lambda access: access.name)
@pytest.mark.usefixtures("rules")
def test_map__tables_of_a_load_are_watched(access: CacheAccess[Any, Any]) -> None:
    keys = keys_of(access)

    with CaptureQueriesContext(connection) as queries:
        access.load(keys)

    tables = set(re.findall(r'"(workflow_engine_\w+)"', queries[0]["sql"]))
    watched = {model._meta.db_table for model in access.depends_on}
    assert tables
    assert tables <= watched


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.usefixtures("rules")
def test_map__functions_read_the_columns_they_name(model: type[models.Model]) -> None:
    row = model._default_manager.order_by("pk").first()
    assert row is not None
    whole = row_of(row)

    for access in declared.spoiled_by(model):
        columns = access.depends_on[model].columns
        needed = {column: whole[column] for column in columns}

        found = access.keys_of_rows(model, [needed], connection.alias)

        assert found == access.keys_of_rows(model, [whole], connection.alias)


@pytest.mark.parametrize("access", accesses(), ids=lambda access: access.name)
@pytest.mark.usefixtures("rules")
def test_map__answers_are_plain_data(access: CacheAccess[Any, Any]) -> None:
    answers = access.load(keys_of(access))

    text = msgspec.json.encode(list(answers.values()))
    again = msgspec.json.decode(text, type=list[access.value_type])  # type: ignore[name-defined] # known at run time

    assert again == list(answers.values())


def test_map__has_every_access_there_is() -> None:
    modules = [
        module
        for name, module in sys.modules.items()
        if name.startswith(lookups.__name__)
    ]

    found = {
        one.name
        for module in modules
        for one in vars(module).values()
        if isinstance(one, CacheAccess)
    }

    assert sorted(access.name for access in accesses()) == sorted(found)


@pytest.mark.usefixtures("rules")
def test_map__one_query_for_many_rows(django_assert_num_queries: Any) -> None:
    rows = [row_of(row) for row in Condition.objects.all()]
    assert len(rows) > 5

    with django_assert_num_queries(2):
        found = named(Condition, rows)

    assert {name for name, _ in found} == {"detectors", "workflows"}
