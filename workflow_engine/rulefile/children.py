"""Children: the groups of a rule, made to be those of the file with few writes.

What the file says again keeps its row and so its key, by which events are counted and
pending questions are kept; a condition that changed is another condition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from workflow_engine.models import (
    Condition,
    ConditionGroup,
    Detector,
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
from workflow_engine.rulefile.read import (
    by_place,
    condition_rule,
    groups_with_children,
    if_rule,
)

_NOWHERE: Final = -1  # the position of a row that has none yet

T = TypeVar("T")
R = TypeVar("R")


def write_trigger(detector: Detector, rule: GroupRule | None, using: str) -> None:
    """Give a detector the trigger group of the file, or none."""
    row = groups_with_children(using).filter(detector=detector).first()
    new = ConditionGroup(role=ConditionGroup.Role.TRIGGER, detector=detector)
    _write_group(row, new, rule, using)


def write_when(workflow: Workflow, rule: GroupRule | None, using: str) -> None:
    """Give a workflow the when-group of the file, or none."""
    role = ConditionGroup.Role.WHEN
    rows = groups_with_children(using).filter(workflow=workflow, role=role)
    new = ConditionGroup(role=role, workflow=workflow)
    _write_group(rows.first(), new, rule, using)


def write_ifs(
    workflow: Workflow,
    rules: Sequence[IfRule],
    action_ids: dict[str, int],
    using: str,
) -> None:
    """Give a workflow the if-groups of the file, at positions from 0."""
    role = ConditionGroup.Role.IF
    rows = by_place(groups_with_children(using).filter(workflow=workflow, role=role))
    kept, rest = _pair(rows, rules, if_rule)
    changed = [place for place in range(len(rules)) if place not in kept]
    kept |= dict(zip(changed, rest, strict=False))
    for surplus in rest[len(changed) :]:
        surplus.delete(using=using)
    _move(kept, using)
    for place in changed:
        group = kept.get(place) or ConditionGroup(
            role=role, workflow=workflow, position=place
        )
        group.logic = rules[place].logic
        group.save(using=using)
        _write_conditions(group, rules[place].conditions, using)
        _write_carried(group, rules[place].actions, action_ids, using)


def _write_group(
    row: ConditionGroup | None,
    new: ConditionGroup,
    rule: GroupRule | None,
    using: str,
) -> None:
    if rule is None:
        if row is not None:
            row.delete(using=using)
        return
    group = row or new
    if row is None or row.logic != rule.logic:
        group.logic = rule.logic
        group.save(using=using)
    _write_conditions(group, rule.conditions, using)


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
        row.position = top + number
        row.save(using=using, update_fields={"position"})
    for place, row in moved.items():
        row.position = place
        row.save(using=using, update_fields={"position"})


def _write_conditions(
    group: ConditionGroup, rules: Sequence[ConditionRule], using: str
) -> None:
    rows = by_place(Condition.objects.using(using).filter(group=group))
    kept, rest = _pair(rows, rules, condition_rule)
    for row in rest:
        row.delete(using=using)
    for place, rule in enumerate(rules):
        if place not in kept:
            Condition(
                group=group,
                type=rule.type,
                config=rule.config,
                result=rule.result,
                position=place,
            ).save(using=using)
        elif kept[place].position != place:
            kept[place].position = place
            kept[place].save(using=using, update_fields={"position"})


def _write_carried(
    group: ConditionGroup,
    rules: Sequence[CarriedRule],
    action_ids: dict[str, int],
    using: str,
) -> None:
    rows = GroupAction.objects.using(using).filter(group=group)
    found = {(row.action_id, row.delay): row for row in rows}
    wanted = {(action_ids[rule.action], rule.delay) for rule in rules}
    for key, row in found.items():
        if key not in wanted:
            row.delete(using=using)
    for place, rule in enumerate(rules):
        carried = found.get((action_ids[rule.action], rule.delay)) or GroupAction(
            group=group,
            action_id=action_ids[rule.action],
            delay=rule.delay,
            position=_NOWHERE,
        )
        said = (carried.on_resolve, carried.position)
        if said != (rule.on_resolve, place):
            carried.on_resolve, carried.position = rule.on_resolve, place
            carried.save(using=using)
