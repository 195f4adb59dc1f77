"""Answers: what every contender must give, in one form, so that they can be compared.

The form is plain tuples. It is also what peers keep that are said to cache tuples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from workflow_engine.models import ConditionGroup, GroupAction, Workflow
from workflow_engine.types.snapshots import (
    CarriedAction,
    GroupSnapshot,
    WorkflowSnapshot,
)

Plain: TypeAlias = tuple[Any, ...]

#: For each detector, its workflows in some form and some order.
Answer: TypeAlias = Mapping[int, Iterable[Any]]

#: Detectors and an environment in, an answer out: what is timed.
Ask: TypeAlias = Callable[[Sequence[int], str], Answer]


def digest(answer: Answer) -> str:
    """Return what equal answers have in common, whatever form they are in."""
    form = {
        str(detector): sorted((plain(one) for one in found), key=lambda one: one[0])
        for detector, found in answer.items()
    }
    return hashlib.sha256(msgspec.json.encode(form, order="sorted")).hexdigest()


def plain(workflow: Any) -> Plain:
    """Return one workflow as plain tuples."""
    if isinstance(workflow, WorkflowSnapshot):
        return _of_snapshot(workflow)
    if isinstance(workflow, Workflow):
        return _of_row(workflow)
    return tuple(workflow)


def _of_snapshot(one: WorkflowSnapshot) -> Plain:
    whens = [] if one.when is None else [_of_group("when", one.when, ())]
    ifs = [_of_group("if", each.group, each.actions) for each in one.ifs]
    return (
        one.id,
        one.slug,
        one.name,
        one.enabled,
        one.environment,
        one.interval_seconds,
        one.snoozed_until,
        one.trace_until,
        tuple(whens + ifs),
    )


def _of_group(
    role: str, group: GroupSnapshot, carried: Sequence[CarriedAction]
) -> Plain:
    return (
        group.id,
        role,
        group.logic,
        group.position,
        tuple(
            (one.id, one.type, one.config, one.position, one.result)
            for one in group.conditions
        ),
        tuple(_of_carried(one) for one in carried),
    )


def _of_carried(one: CarriedAction) -> Plain:
    action = one.action
    return (
        action.id,
        action.slug,
        action.name,
        action.kind,
        action.config,
        action.enabled,
        one.delay_seconds,
        one.on_resolve,
        one.position,
    )


def _of_row(row: Workflow) -> Plain:
    groups: list[ConditionGroup] = row.__dict__["group_list"]
    return (
        row.pk,
        row.slug,
        row.name,
        row.enabled,
        row.environment.name if row.environment else None,
        row.interval,
        row.snoozed_until,
        row.trace_until,
        tuple(_of_group_row(group) for group in groups),
    )


def _of_group_row(group: ConditionGroup) -> Plain:
    held = group.__dict__
    return (
        group.pk,
        group.role,
        group.logic,
        group.position,
        tuple(
            (one.pk, one.type, one.config, one.position, one.result)
            for one in held["condition_list"]
        ),
        tuple(_of_carried_row(one) for one in held["carried_list"]),
    )


def _of_carried_row(one: GroupAction) -> Plain:
    action = one.action
    return (
        action.pk,
        action.slug,
        action.name,
        action.kind,
        action.config,
        action.enabled,
        one.delay,
        one.on_resolve,
        one.position,
    )
