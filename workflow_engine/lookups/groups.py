"""Groups: condition groups built from joined rows, the same for triggers, when and if."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from workflow_engine import registry
from workflow_engine.types.event import JSON
from workflow_engine.types.snapshots import ConditionSnapshot, GroupSnapshot


class GroupRow(NamedTuple):
    """A group beside one of its conditions, or beside none, as a join gives them."""

    id: int | None
    logic: str
    position: int
    condition_id: int | None
    type: str
    config: JSON
    condition_position: int
    result: int | None


#: The columns of a GroupRow, from the table of the owner.
GROUP_COLUMNS = (
    "groups__id",
    "groups__logic",
    "groups__position",
    "groups__conditions__id",
    "groups__conditions__type",
    "groups__conditions__config",
    "groups__conditions__position",
    "groups__conditions__result",
)


def build_groups(rows: Iterable[GroupRow]) -> dict[int, GroupSnapshot]:
    """Return the groups by id, their conditions by position whatever the order of the rows."""
    groups: dict[int, GroupRow] = {}
    conditions: dict[int, dict[int, ConditionSnapshot]] = defaultdict(dict)
    for row in rows:
        if row.id is None:
            continue
        groups[row.id] = row
        if row.condition_id is not None:
            conditions[row.id][row.condition_id] = _condition(row, row.condition_id)
    return {
        group_id: GroupSnapshot(
            id=group_id,
            logic=row.logic,
            position=row.position,
            conditions=tuple(
                sorted(
                    conditions[group_id].values(), key=lambda c: (c.position, c.id)
                )
            ),
        )
        for group_id, row in groups.items()
    }


def _condition(row: GroupRow, condition_id: int) -> ConditionSnapshot:
    entry = registry.conditions.get(row.type)
    return ConditionSnapshot(
        id=condition_id,
        type=row.type,
        config=row.config,
        position=row.condition_position,
        result=row.result,
        problem=problem_of(entry, row.config),
    )


def problem_of(entry: registry.Entry | None, config: JSON) -> str:
    """Return what is wrong with a configuration; "" also when nobody can tell."""
    return "" if entry is None else "; ".join(entry.problems(config))
