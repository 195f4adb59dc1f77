"""Document: the rules as the file says them, by name instead of key, in a fixed order.

Not in the file, and so left as they are by an import: `trace_until`, and everything that is
written while events are processed.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from workflow_engine.types.event import JSON

FORMAT: Final = 1


class EnvironmentRule(msgspec.Struct, frozen=True, kw_only=True):
    """An environment; a `description` of None was not given and stays as it is."""

    name: str
    description: str | None


class ConditionRule(msgspec.Struct, frozen=True, kw_only=True):
    """A condition; its place in the list is its position."""

    type: str
    config: JSON
    result: int | None


class GroupRule(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger or when-group."""

    logic: str
    conditions: tuple[ConditionRule, ...]


class CarriedRule(msgspec.Struct, frozen=True, kw_only=True):
    """An action as an if-group carries it; `delay` in seconds."""

    action: str
    delay: int
    on_resolve: bool


class IfRule(msgspec.Struct, frozen=True, kw_only=True):
    """An if-group; its place in the list is its position."""

    logic: str
    conditions: tuple[ConditionRule, ...]
    actions: tuple[CarriedRule, ...]


class DetectorRule(msgspec.Struct, frozen=True, kw_only=True):
    """A detector."""

    slug: str
    name: str
    event_type: str
    source: str
    kind: str
    config: JSON
    enabled: bool
    trigger: GroupRule | None


class ActionRule(msgspec.Struct, frozen=True, kw_only=True):
    """An action."""

    slug: str
    name: str
    kind: str
    config: JSON
    enabled: bool


class WorkflowRule(msgspec.Struct, frozen=True, kw_only=True, rename={"ifs": "if"}):
    """A workflow.

    `interval` in seconds; `snoozed_until` as RFC 3339; a `description` of None was not given
    and stays as it is; `detectors` are the slugs of those linked to it, sorted.
    """

    slug: str
    name: str
    description: str | None
    enabled: bool
    environment: str | None
    interval: int
    snoozed_until: str | None
    snooze_note: str
    when: GroupRule | None
    ifs: tuple[IfRule, ...]
    detectors: tuple[str, ...]


NamedRule: TypeAlias = EnvironmentRule | DetectorRule | ActionRule | WorkflowRule


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Everything in the file, each list by name."""

    environments: tuple[EnvironmentRule, ...] = ()
    detectors: tuple[DetectorRule, ...] = ()
    actions: tuple[ActionRule, ...] = ()
    workflows: tuple[WorkflowRule, ...] = ()


def name_of(rule: NamedRule) -> str:
    """Return what names a rule: its slug, or the name of an environment."""
    return rule.name if isinstance(rule, EnvironmentRule) else rule.slug


def to_json(value: Rules | NamedRule) -> dict[str, JSON]:
    """Return a document, or one rule of it, as plain JSON data."""
    plain: dict[str, JSON] = msgspec.json.decode(msgspec.json.encode(value))
    return plain
