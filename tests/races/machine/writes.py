"""Writes: rows of every rule table, what may stand in them, and ways to put it there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, models

from tests.factories import (
    ActionFactory,
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    EnvironmentFactory,
    GroupActionFactory,
    WorkflowFactory,
)
from tests.lookups.rows import whole_detector, whole_workflow
from tests.receivers.test_every_way import WAYS
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

#: Every rule table; one that refers to another comes before it.
TABLES: Final[tuple[Any, ...]] = (
    DetectorWorkflow,
    GroupAction,
    Condition,
    ConditionGroup,
    Action,
    Workflow,
    Environment,
    Detector,
)

#: What may be written, by table and column. A number of a key column is a place among the
#: rows it may refer to.
VALUES: Final[dict[tuple[Any, str], tuple[Any, ...]]] = {
    (Detector, "name"): ("a", "b"),
    (Detector, "enabled"): (True, False),
    (Detector, "event_type"): ("order.failed", "other.type", "third.type"),
    (Detector, "source"): ("", "/shop", "/third"),
    (Environment, "name"): ("env-1", "env-2", "other"),
    (Workflow, "name"): ("a", "b"),
    (Workflow, "enabled"): (True, False),
    (Workflow, "environment_id"): (None, 0, 1, 2),
    (Workflow, "interval"): (0, 60),
    (ConditionGroup, "logic"): ("all", "any", "none"),
    (ConditionGroup, "workflow_id"): (0, 1, 2),
    (ConditionGroup, "detector_id"): (0, 1, 2),
    (Condition, "type"): ("eq", "ne"),
    (Condition, "position"): (7, 8),
    (Condition, "group_id"): (0, 1, 2, 3),
    (Action, "enabled"): (True, False),
    (Action, "slug"): ("act-a", "act-b"),
    (GroupAction, "action_id"): (0, 1, 2),
    (GroupAction, "group_id"): (0, 1, 2, 3),
    (GroupAction, "delay"): (0, 60),
    (DetectorWorkflow, "detector_id"): (0, 1, 2),
    (DetectorWorkflow, "workflow_id"): (0, 1, 2),
}

#: Their numbers begin anew with every example, so that it can be run again.
_FACTORIES: Final[tuple[Any, ...]] = (
    ActionFactory,
    ConditionFactory,
    ConditionGroupFactory,
    DetectorFactory,
    EnvironmentFactory,
    GroupActionFactory,
    WorkflowFactory,
)

CREATIONS: Final[tuple[Callable[[], object], ...]] = (
    DetectorFactory,
    lambda: whole_detector(source="/shop"),
    WorkflowFactory,
    whole_workflow,
    EnvironmentFactory,
    ConditionGroupFactory,
    ConditionFactory,
    lambda: ConditionFactory(trigger=True),
    GroupActionFactory,
)


def pick(model: Any, place: int) -> Any:
    """Return a row, or None where there is none."""
    rows: list[Any] = list(models.QuerySet(model).order_by("pk"))
    return rows[place % len(rows)] if rows else None


def value_for(model: Any, column: str, value: Any) -> Any:
    """Return what is to stand in a column."""
    field = model._meta.get_field(column)
    if field.is_relation and value is not None:
        row = pick(field.related_model, value)
        return None if row is None else row.pk
    return value


def change(way: Any, model: Any, column: str, value: Any, place: int) -> None:
    """Change a column of a row, in a way that Python hears of."""
    row = pick(model, place)
    if row is not None:
        _tolerant(way, row, {column: value_for(model, column, value)})


def change_unheard(model: Any, column: str, value: Any, place: int) -> None:
    """Change a column of a row by SQL alone."""
    row = pick(model, place)
    if row is None:
        return
    field = model._meta.get_field(column)
    quote = connection.ops.quote_name
    table, name = quote(model._meta.db_table), quote(field.column)
    statement = f"UPDATE {table} SET {name} = %s WHERE id = %s"  # noqa: S608 - our names
    with connection.cursor() as cursor:
        cursor.execute(statement, [value_for(model, column, value), row.pk])


def delete(model: Any, places: Sequence[int], *, one_by_one: bool) -> None:
    rows = [row for row in (pick(model, place) for place in places) if row is not None]
    if one_by_one:
        for row in rows[:1]:
            row.delete()
    else:
        model._default_manager.filter(pk__in=[row.pk for row in rows]).delete()


def relate(way: str, place: int, others: Sequence[int], *, is_reverse: bool) -> None:
    """Add, remove, set or clear links by the relation, from either end."""
    model, other = (Workflow, Detector) if is_reverse else (Detector, Workflow)
    row = pick(model, place)
    if row is None:
        return
    related = row.detectors if is_reverse else row.workflows
    ends = [pick(other, one) for one in others]
    ends = [end for end in ends if end is not None]
    if way == "clear":
        related.clear()
    elif way == "set":
        related.set(ends)
    else:
        getattr(related, way)(*ends)


def link_many(places: Sequence[tuple[int, int]]) -> None:
    """Link many at once, some of which may be linked already."""
    links = [
        DetectorWorkflow(detector=pick(Detector, one), workflow=pick(Workflow, other))
        for one, other in places
        if pick(Detector, one) and pick(Workflow, other)
    ]
    DetectorWorkflow.objects.bulk_create(links, ignore_conflicts=True)


def save_stale(row: Any, column: str, value: Any) -> None:
    """Save one column of an instance that was read long ago."""
    if models.QuerySet(type(row)).filter(pk=row.pk).exists():
        setattr(row, column, value_for(type(row), column, value))
        row.save(update_fields=[column])


def clear() -> None:
    """Delete every rule by SQL alone, and name new ones as if there had been none."""
    for factory in _FACTORIES:
        factory.reset_sequence(0, force=True)
    for model in TABLES:
        rows: models.QuerySet[Any] = models.QuerySet(model)
        rows._raw_delete(rows.db)


def _tolerant(way: Any, row: Any, new: dict[str, Any]) -> None:
    try:
        way(row, new)
    except (ValidationError, ValueError) as error:
        raise DatabaseError(str(error)) from error


__all__ = ["WAYS"]
