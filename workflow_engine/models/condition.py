"""Condition: one question about one event."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Final

from django.db import models
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from workflow_engine import registry
from workflow_engine.models.fields import (
    PRIORITIES,
    PRIORITY_VALUES,
    DeferredUniqueConstraint,
)
from workflow_engine.models.group import ConditionGroup
from workflow_engine.models.rules import Rule, RuleQuerySet

SHOWN_CHARACTERS: Final = 120  # of a condition, in a line of a list


class ConditionQuerySet(RuleQuerySet["Condition"]):
    """Conditions, found by the natural key of their group and position."""

    def get_by_natural_key(
        self, role: str, owner: str, group_position: int, position: int
    ) -> Condition:
        groups = ConditionGroup.objects.using(self.db)
        group = groups.get_by_natural_key(role, owner, group_position)
        return self.get(group=group, position=position)


class Condition(Rule):
    """One question. Its type says what may stand in the configuration."""

    group = models.ForeignKey(
        ConditionGroup,
        on_delete=models.CASCADE,
        related_name="conditions",
        verbose_name=_("group"),
        db_index=False,
    )
    type = models.CharField(_("type"), max_length=64)
    config = models.JSONField(_("configuration"), default=dict, blank=True)
    result = models.SmallIntegerField(
        _("priority if true"),
        choices=PRIORITIES,
        null=True,
        blank=True,
        help_text=_("In the trigger group of a detector of kind 'event' only."),
    )
    position = models.IntegerField(_("position"), default=0)

    objects = ConditionQuerySet.as_manager()

    judged_fields: ClassVar[frozenset[str]] = frozenset(
        {"group", "type", "config", "result"}
    )
    judged_related: ClassVar[tuple[str, ...]] = ("group__detector",)

    class Meta:
        verbose_name = _("condition")
        verbose_name_plural = _("conditions")
        constraints = [
            DeferredUniqueConstraint(
                fields=["group", "position"],
                deferrable=models.Deferrable.DEFERRED,
                name="wfe_condition_position",
                violation_error_message=_("A condition stands at this position."),
            ),
            models.CheckConstraint(
                condition=models.Q(result__isnull=True)
                | models.Q(result__in=PRIORITY_VALUES),
                name="wfe_condition_result",
                violation_error_message=_("A priority is 0, 25, 50 or 75."),
            ),
        ]
        # The deferred constraint is missing on SQLite, and the cascade needs an index.
        indexes = [models.Index(fields=["group"], name="wfe_condition_group")]

    def __str__(self) -> str:
        rest = dict(self.config) if isinstance(self.config, dict) else {}
        words = [rest.pop("path", ""), self.type, _shown(rest)]
        text = " ".join(str(word) for word in words if word != "")
        return Truncator(text).chars(SHOWN_CHARACTERS)

    def natural_key(self) -> tuple[str, str, int, int]:
        return (*self.group.natural_key(), self.position)

    natural_key.dependencies = [  # type: ignore[attr-defined] # read by dumpdata
        "workflow_engine.conditiongroup"
    ]

    def problems(self) -> dict[str, list[str]]:
        entry = registry.conditions.get(self.type)
        found: dict[str, list[str]] = {}
        if config := registry.conditions.problems(self.type, self.config):
            found["type" if entry is None else "config"] = config
        if not self.has_related("group"):
            return found
        role = self.group.role
        if entry is not None and role not in entry.roles:
            roles = ", ".join(sorted(entry.roles))
            found["type"] = [
                f"Condition type '{self.type}' stands in groups of role {roles} only"
            ]
        if role == ConditionGroup.Role.TRIGGER and _asks_for_detection(self.config):
            found.setdefault("config", []).append(
                "path: 'detection' does not exist in a trigger group"
            )
        if self.result is not None and not _reads_results(self.group):
            found["result"] = [
                "only the trigger group of a detector of kind 'event' has priorities"
            ]
        return found


def _asks_for_detection(config: Any) -> bool:
    path = config.get("path") if isinstance(config, dict) else None
    return isinstance(path, str) and path.split(".", 1)[0] == "detection"


def _reads_results(group: ConditionGroup) -> bool:
    return group.detector is not None and group.detector.kind == "event"


def _shown(config: dict[str, Any]) -> str:
    if set(config) == {"value"} and isinstance(config["value"], str):
        return str(config["value"])
    value: Any = config["value"] if set(config) == {"value"} else config
    return json.dumps(value, ensure_ascii=False) if config else ""
