"""Condition group: any, all or none over conditions, in one of three roles."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from workflow_engine.models.detector import Detector
from workflow_engine.models.rules import Rule, RuleQuerySet
from workflow_engine.models.workflow import Workflow


class ConditionGroupQuerySet(RuleQuerySet["ConditionGroup"]):
    """Groups, found by role, slug of the owner and position."""

    def get_by_natural_key(
        self, role: str, owner: str, position: int
    ) -> ConditionGroup:
        end = "detector" if role == ConditionGroup.Role.TRIGGER else "workflow"
        return self.get(role=role, position=position, **{f"{end}__slug": owner})


class ConditionGroup(Rule):
    """Has exactly one owner, so that the owner of a condition is never in doubt."""

    class Role(models.TextChoices):
        """What the group decides."""

        TRIGGER = "trigger", _("trigger")
        WHEN = "when", _("when")
        IF = "if", _("if")

    class Logic(models.TextChoices):
        """How the answers of its conditions become one."""

        ANY = "any", _("any of")
        ANY_SHORT = "any_short", _("the first of")
        ALL = "all", _("all of")
        NONE = "none", _("none of")

    role = models.CharField(_("role"), max_length=16, choices=Role)
    logic = models.CharField(
        _("logic"), max_length=16, choices=Logic, default=Logic.ALL.value
    )
    detector = models.ForeignKey(
        Detector,
        on_delete=models.CASCADE,
        related_name="groups",
        verbose_name=_("detector"),
        null=True,
        blank=True,
        db_index=False,
    )
    workflow = models.ForeignKey(
        Workflow,
        on_delete=models.CASCADE,
        related_name="groups",
        verbose_name=_("workflow"),
        null=True,
        blank=True,
        db_index=False,
    )
    position = models.IntegerField(_("position"), default=0)

    objects = ConditionGroupQuerySet.as_manager()

    judged_fields: ClassVar[frozenset[str]] = frozenset({"role", "logic"})

    class Meta:
        verbose_name = _("condition group")
        verbose_name_plural = _("condition groups")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    role="trigger", detector__isnull=False, workflow__isnull=True
                )
                | models.Q(
                    role__in=["when", "if"],
                    detector__isnull=True,
                    workflow__isnull=False,
                ),
                name="wfe_group_owner",
                violation_error_message=_(
                    "A trigger group belongs to a detector, any other to a workflow."
                ),
            ),
            models.UniqueConstraint(
                fields=["detector"],
                name="wfe_group_trigger",
                violation_error_message=_("This detector has its trigger group."),
            ),
            models.UniqueConstraint(
                fields=["workflow"],
                condition=models.Q(role="when"),
                name="wfe_group_when",
                violation_error_message=_("This workflow has its when-group."),
            ),
            models.UniqueConstraint(
                fields=["workflow", "position"],
                condition=models.Q(role="if"),
                name="wfe_group_if",
                violation_error_message=_("An if-group stands at this position."),
            ),
        ]
        # The unique indexes are partial; all groups of a workflow are read by this one.
        indexes = [models.Index(fields=["workflow"], name="wfe_group_workflow")]

    def __str__(self) -> str:
        role = self.get_role_display()
        if self.role == self.Role.IF:
            role = f"{role} {self.position}"
        return f"{self._owner_slug()}: {role}, {self.get_logic_display()}"

    def natural_key(self) -> tuple[str, str, int]:
        return (self.role, self._owner_slug(), self.position)

    natural_key.dependencies = [  # type: ignore[attr-defined] # read by dumpdata
        "workflow_engine.detector",
        "workflow_engine.workflow",
    ]

    def problems(self) -> dict[str, list[str]]:
        if self.logic in self.Logic.values:
            return {}
        known = ", ".join(self.Logic.values)
        return {"logic": [f"Logic '{self.logic}' is not known; known: {known}"]}

    def _owner_slug(self) -> str:
        owner = self.detector or self.workflow
        return owner.slug if owner else ""
