"""Groups: condition groups built from parts, the same for trigger, when and if."""

from __future__ import annotations

from collections import defaultdict

from workflow_engine import registry
from workflow_engine.lookups.configs import read_config
from workflow_engine.lookups.parts import Columns, Parts
from workflow_engine.types.snapshots import ConditionSnapshot, GroupSnapshot


def build_groups(parts: Parts) -> dict[str, list[GroupSnapshot]]:
    """Return the groups of an owner by role, by position and key, whatever order they come in."""
    conditions: dict[int, list[Columns]] = defaultdict(list)
    for condition in parts["condition"]:
        conditions[condition["group"]].append(condition)
    groups: dict[str, list[GroupSnapshot]] = defaultdict(list)
    for group in sorted(parts["group"], key=by_place):
        found = sorted(conditions[group["id"]], key=by_place)
        snapshot = GroupSnapshot(
            id=group["id"],
            logic=group["logic"],
            position=group["position"],
            conditions=tuple(_condition(one, group["role"]) for one in found),
        )
        groups[group["role"]].append(snapshot)
    return groups


def by_place(columns: Columns) -> tuple[int, int]:
    """Return what rows are sorted by: position, then key."""
    return columns["position"], columns["id"]


def _condition(columns: Columns, role: str) -> ConditionSnapshot:
    name = columns["type"]
    entry = registry.conditions.get(name)
    config, problem = read_config(columns["config"], entry)
    if entry is not None and role not in entry.roles:
        problem = f"condition type '{name}' cannot stand in a group of role {role}"
    return ConditionSnapshot(
        id=columns["id"],
        type=name,
        config=config,
        position=columns["position"],
        result=columns["result"],
        problem=problem,
    )
