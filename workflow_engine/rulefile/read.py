"""Read: the document that the rows of the database make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from django.db.models import Prefetch, QuerySet

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
from workflow_engine.models.rules import Rule
from workflow_engine.rulefile.document import (
    ActionRule,
    CarriedRule,
    ConditionRule,
    DetectorRule,
    EnvironmentRule,
    GroupRule,
    IfRule,
    Rules,
    WorkflowRule,
    name_of,
)
from workflow_engine.rulefile.values import normal
from workflow_engine.types.instants import instant_text

R = TypeVar("R", EnvironmentRule, DetectorRule, ActionRule, WorkflowRule)

ROWS_AT_ONCE: Final = 500  # with their children, below every limit of parameters


def read_rules(using: str) -> Rules:
    """Return all rules, each list by name.

    Workflows are read first: what they name was there, whoever writes meanwhile.
    """
    workflows = _read(_workflows(using), _workflow_rule)
    detectors = _read(_detectors(using), _detector_rule)
    actions = _read(Action.objects.using(using), _action_rule)
    environments = _read(Environment.objects.using(using), _environment_rule)
    return Rules(
        environments=environments,
        detectors=detectors,
        actions=actions,
        workflows=workflows,
    )


def groups_of(name: str, owner: Rule, using: str) -> list[ConditionGroup]:
    """Return the groups of an owner with their children, by place; none of a new one.

    `name` is what a group calls its owner: "detector" or "workflow".
    """
    if owner.pk is None:
        return []
    groups: list[ConditionGroup] = by_place(
        groups_with_children(using).filter(**{name: owner})
    )
    for group in groups:
        setattr(group, name, owner)  # whom each condition asks for its kind
    return groups


def groups_with_children(using: str) -> QuerySet[ConditionGroup]:
    """Return groups with their conditions, carried actions and these actions, unordered."""
    carried = GroupAction.objects.using(using).select_related("action")
    return (
        ConditionGroup.objects.using(using)
        .prefetch_related(Prefetch("conditions", Condition.objects.using(using)))
        .prefetch_related(Prefetch("carried", carried))
    )


def group_rule(group: ConditionGroup) -> GroupRule:
    """Return a trigger or when-group with its children."""
    return GroupRule(logic=group.logic, conditions=_conditions(group))


def if_rule(group: ConditionGroup) -> IfRule:
    """Return an if-group with its children."""
    carried = by_place(group.carried.all())
    return IfRule(
        logic=group.logic,
        conditions=_conditions(group),
        actions=tuple(
            CarriedRule(
                action=row.action.slug, delay=row.delay, on_resolve=row.on_resolve
            )
            for row in carried
        ),
    )


def condition_rule(row: Condition) -> ConditionRule:
    """Return a condition."""
    return ConditionRule(type=row.type, config=normal(row.config), result=row.result)


def by_place(rows: Iterable[Any]) -> list[Any]:
    """Return rows by position, then key."""
    return sorted(rows, key=lambda row: (row.position, row.pk))


def _read(rows: QuerySet[Any], rule: Callable[[Any], R]) -> tuple[R, ...]:
    # Sorted here: databases sort texts each by their own rules.
    found = rows.order_by().iterator(chunk_size=ROWS_AT_ONCE)
    return tuple(sorted(map(rule, found), key=name_of))


def _detectors(using: str) -> QuerySet[Detector]:
    return Detector.objects.using(using).prefetch_related(
        Prefetch("groups", groups_with_children(using))
    )


def _workflows(using: str) -> QuerySet[Workflow]:
    links = DetectorWorkflow.objects.using(using).select_related("detector")
    return (
        Workflow.objects.using(using)
        .select_related("environment")
        .prefetch_related(
            Prefetch("groups", groups_with_children(using)), Prefetch("links", links)
        )
    )


def _conditions(group: ConditionGroup) -> tuple[ConditionRule, ...]:
    return tuple(condition_rule(row) for row in by_place(group.conditions.all()))


def _environment_rule(row: Environment) -> EnvironmentRule:
    return EnvironmentRule(name=row.name, description=row.description)


def _detector_rule(row: Detector) -> DetectorRule:
    trigger = next(iter(row.groups.all()), None)
    return DetectorRule(
        slug=row.slug,
        name=row.name,
        event_type=row.event_type,
        source=row.source,
        kind=row.kind,
        config=normal(row.config),
        enabled=row.enabled,
        trigger=group_rule(trigger) if trigger else None,
    )


def _action_rule(row: Action) -> ActionRule:
    return ActionRule(
        slug=row.slug,
        name=row.name,
        kind=row.kind,
        config=normal(row.config),
        enabled=row.enabled,
    )


def _workflow_rule(row: Workflow) -> WorkflowRule:
    groups = by_place(row.groups.all())
    role = ConditionGroup.Role
    when = next((group for group in groups if group.role == role.WHEN), None)
    return WorkflowRule(
        slug=row.slug,
        name=row.name,
        description=row.description,
        enabled=row.enabled,
        environment=row.environment.name if row.environment else None,
        interval=row.interval,
        snoozed_until=instant_text(row.snoozed_until) if row.snoozed_until else None,
        snooze_note=row.snooze_note,
        when=group_rule(when) if when else None,
        ifs=tuple(if_rule(group) for group in groups if group.role == role.IF),
        detectors=tuple(sorted(link.detector.slug for link in row.links.all())),
    )
