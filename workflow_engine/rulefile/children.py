"""Children: the groups of a rule, made to be those of the file with few writes.

What the file says again keeps its row and so its key, by which events are counted and
pending questions are kept; a condition that changed is another condition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from workflow_engine.models import (
    Action,
    Condition,
    ConditionGroup,
    GroupAction,
    Workflow,
)
from workflow_engine.rulefile.difference import equal
from workflow_engine.rulefile.document import (
    CarriedRule,
    ConditionRule,
    GroupRule,
    IfRule,
)
from workflow_engine.rulefile.read import by_place, condition_rule, if_rule
from workflow_engine.rulefile.row import put

T = TypeVar("T")
R = TypeVar("R")


def write_group(
    row: ConditionGroup | None,
    new: ConditionGroup,
    rule: GroupRule | None,
    using: str,
) -> None:
    """Make a trigger or when-group, of which an owner has one or none, that of the file.

    Args:
        row: The group as it is, with its children.
        new: What it is made from when there is none.
        rule: The group of the file.
        using: Alias of the database.
    """
    if rule is not None:
        rows = _children(row, "conditions")
        put(row or new, {"logic": rule.logic}, using)
        _write_conditions(row or new, rows, rule.conditions, using)
    elif row is not None:
        row.delete(using=using)


def write_ifs(
    workflow: Workflow,
    rows: Sequence[ConditionGroup],
    rules: Sequence[IfRule],
    using: str,
) -> None:
    """Give a workflow the if-groups of the file, at positions from 0.

    Args:
        workflow: Saved.
        rows: Its if-groups as they are, with their children.
        rules: The if-groups of the file.
        using: Alias of the database.
    """
    kept, rest = _pair(rows, rules, if_rule)
    changed = [place for place in range(len(rules)) if place not in kept]
    kept |= dict(zip(changed, rest, strict=False))
    for surplus in rest[len(changed) :]:
        surplus.delete(using=using)
    _move(kept, using)
    action_ids = _action_ids([rules[place] for place in changed], using)
    for place in changed:
        row = kept.get(place)
        group = row or ConditionGroup(
            role=ConditionGroup.Role.IF, workflow=workflow, position=place
        )
        conditions, carried = (_children(row, of) for of in ("conditions", "carried"))
        put(group, {"logic": rules[place].logic}, using)
        _write_conditions(group, conditions, rules[place].conditions, using)
        _write_carried(group, carried, rules[place].actions, action_ids, using)


def _children(group: ConditionGroup | None, name: str) -> list[Any]:
    return by_place(getattr(group, name).all()) if group else []


def _action_ids(rules: Sequence[IfRule], using: str) -> dict[str, int]:
    slugs = {carried.action for rule in rules for carried in rule.actions}
    if not slugs:
        return {}
    rows = Action.objects.using(using).filter(slug__in=slugs)
    return dict(rows.values_list("slug", "pk"))


def _pair(
    rows: Sequence[T], rules: Sequence[R], rule_of: Callable[[T], R]
) -> tuple[dict[int, T], list[T]]:
    """Return the rows that say what a rule says, by its place, and the other rows."""
    rest = list(rows)
    kept: dict[int, T] = {}
    for place, rule in enumerate(rules):
        found = next((row for row in rest if equal(rule_of(row), rule)), None)
        if found is not None:
            rest.remove(found)
            kept[place] = found
    return kept, rest


def _move(groups: dict[int, ConditionGroup], using: str) -> None:
    """Move if-groups to their places; all out of the way first, since a place is unique."""
    moved = {place: row for place, row in groups.items() if row.position != place}
    top = max([*groups, *(row.position for row in groups.values())], default=0) + 1
    for number, row in enumerate(moved.values()):
        put(row, {"position": top + number}, using)
    for place, row in moved.items():
        put(row, {"position": place}, using)


def _write_conditions(
    group: ConditionGroup,
    rows: Sequence[Condition],
    rules: Sequence[ConditionRule],
    using: str,
) -> None:
    kept, rest = _pair(rows, rules, condition_rule)
    for row in rest:
        row.delete(using=using)
    for place, rule in enumerate(rules):
        row = kept.get(place) or Condition(
            group=group, type=rule.type, config=rule.config, result=rule.result
        )
        put(row, {"position": place}, using)


def _write_carried(
    group: ConditionGroup,
    rows: Sequence[GroupAction],
    rules: Sequence[CarriedRule],
    action_ids: dict[str, int],
    using: str,
) -> None:
    found = {(row.action_id, row.delay): row for row in rows}
    wanted = {(action_ids[rule.action], rule.delay) for rule in rules}
    for key, old in found.items():
        if key not in wanted:
            old.delete(using=using)
    for place, rule in enumerate(rules):
        key = (action_ids[rule.action], rule.delay)
        row = found.get(key) or GroupAction(
            group=group, action_id=key[0], delay=rule.delay
        )
        put(row, {"on_resolve": rule.on_resolve, "position": place}, using)
