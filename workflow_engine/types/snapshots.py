"""Snapshot: a rule as it stood when it was read; frozen, plain, without a model behind it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final, TypeAlias

import msgspec

from workflow_engine.types.event import JSON

DetectorId: TypeAlias = int
WorkflowId: TypeAlias = int
Route: TypeAlias = tuple[str, str]  # event type, `a.b.*` or `*`; source or "" for any


class Absent(msgspec.Struct, frozen=True, tag="absent", gc=False, array_like=True):
    """The answer "there is no such row", which is an answer like any other."""


ABSENT: Final = Absent()


class ConditionSnapshot(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True
):
    """One condition.

    Attributes:
        id: Primary key.
        type: Its type name.
        config: Its configuration.
        position: Its place in the group.
        result: A priority number (trigger groups of kind event), or None.
        problem: What is wrong with the configuration, found when this was built; "" = fine.
    """

    id: int
    type: str
    config: JSON
    position: int
    result: int | None = None
    problem: str = ""


class GroupSnapshot(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True
):
    """One condition group, its conditions by position."""

    id: int
    logic: str
    position: int = 0
    conditions: tuple[ConditionSnapshot, ...] = ()


class ActionSnapshot(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True
):
    """One action.

    `digest` names kind and canonical configuration, and nothing else; `problem` says what is
    wrong with the configuration, found when this was built ("" = fine).
    """

    id: int
    slug: str
    name: str
    kind: str
    config: JSON
    enabled: bool
    digest: str
    problem: str = ""


class CarriedAction(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True
):
    """An action as an if-group carries it.

    Attributes:
        action: The action.
        delay_seconds: From decision to firing.
        on_resolve: Whether it also hears of the end of the episode.
        position: Its place in the group.
    """

    action: ActionSnapshot
    delay_seconds: int
    on_resolve: bool
    position: int


class IfGroupSnapshot(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True
):
    """An if-group and what it carries, by position."""

    group: GroupSnapshot
    actions: tuple[CarriedAction, ...] = ()


class DetectorSnapshot(
    msgspec.Struct, frozen=True, kw_only=True, tag="detector", gc=False, array_like=True
):
    """One detector with its trigger group (None = every event of the route is a sample).

    `problem` says what is wrong with the configuration, found when this was built ("" = fine).
    """

    id: DetectorId
    slug: str
    name: str
    event_type: str
    source: str
    kind: str
    config: JSON
    enabled: bool
    trigger: GroupSnapshot | None = None
    problem: str = ""
    revision: str = ""


class WorkflowSnapshot(
    msgspec.Struct, frozen=True, kw_only=True, tag="workflow", gc=False, array_like=True
):
    """One workflow with its groups and actions.

    Attributes:
        id: Primary key.
        slug: Its slug.
        name: Its name.
        enabled: Whether it is judged at all.
        environment: Name, or None for every event.
        interval_seconds: At most one firing per action, environment and subject in it.
        snoozed_until: Compared by the caller with its clock; None = not snoozed.
        trace_until: Every decision is kept until then; None = sampling as usual.
        when: The when-group; None passes.
        ifs: The if-groups by position.
        revision: First 12 hex digits of SHA-256 over everything above.
    """

    id: WorkflowId
    slug: str
    name: str
    enabled: bool
    environment: str | None
    interval_seconds: int
    snoozed_until: datetime | None = None
    trace_until: datetime | None = None
    when: GroupSnapshot | None = None
    ifs: tuple[IfGroupSnapshot, ...] = ()
    revision: str = ""


def canonical(value: object) -> bytes:
    """Return one JSON text for equal values: keys sorted, no spaces, UTF-8."""
    return msgspec.json.encode(value, order="sorted")


def digest_of(value: object) -> str:
    """Return the first 12 hexadecimal digits of SHA-256 over the canonical text."""
    return hashlib.sha256(canonical(value)).hexdigest()[:12]
