"""Action: what is done, and how an if-group carries it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from workflow_engine import registry
from workflow_engine.conf import MONTH_SECONDS
from workflow_engine.models.fields import SLUG_CHARACTERS, validate_slug
from workflow_engine.models.group import ConditionGroup
from workflow_engine.models.rules import Rule, RuleQuerySet


class ActionQuerySet(RuleQuerySet["Action"]):
    """Actions, found by slug."""

    def get_by_natural_key(self, slug: str) -> Action:
        return self.get(slug=slug)


class Action(Rule):
    """A kind with its configuration; cannot be deleted while a group carries it."""

    slug = models.CharField(
        _("slug"), max_length=SLUG_CHARACTERS, validators=[validate_slug]
    )
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=64)
    config = models.JSONField(_("configuration"), default=dict, blank=True)
    enabled = models.BooleanField(_("enabled"), default=True)

    objects = ActionQuerySet.as_manager()

    judged_fields: ClassVar[frozenset[str]] = frozenset({"slug", "kind", "config"})
    checked_fields: ClassVar[tuple[str, ...]] = ("slug",)

    class Meta:
        verbose_name = _("action")
        verbose_name_plural = _("actions")
        constraints = [
            models.UniqueConstraint(fields=["slug"], name="wfe_action_slug"),
            models.CheckConstraint(
                condition=models.Q(slug=Lower("slug")) & ~models.Q(slug=""),
                name="wfe_action_slug_lower",
                violation_error_message=_("A slug is lower-case and not empty."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slug} ({self.kind})"

    def natural_key(self) -> tuple[str]:
        return (self.slug,)

    def problems(self) -> dict[str, list[str]]:
        found = registry.actions.problems(self.kind, self.config)
        known = registry.actions.get(self.kind) is not None
        return {"config" if known else "kind": found} if found else {}


class GroupActionQuerySet(RuleQuerySet["GroupAction"]):
    """Carried actions, found by the natural key of the group, the action and the delay."""

    def get_by_natural_key(
        self, role: str, owner: str, group_position: int, action: str, delay: int
    ) -> GroupAction:
        groups = ConditionGroup.objects.using(self.db)
        group = groups.get_by_natural_key(role, owner, group_position)
        return self.get(group=group, action__slug=action, delay=delay)


class GroupAction(Rule):
    """An action as an if-group carries it; with a delay it is an escalation."""

    group = models.ForeignKey(
        ConditionGroup,
        on_delete=models.CASCADE,
        related_name="carried",
        verbose_name=_("group"),
        db_index=False,
    )
    action = models.ForeignKey(
        Action,
        on_delete=models.PROTECT,
        related_name="carried",
        verbose_name=_("action"),
        db_index=False,
    )
    delay = models.IntegerField(
        _("delay"), default=0, help_text=_("Seconds from the decision to the firing.")
    )
    on_resolve = models.BooleanField(
        _("on resolve"),
        default=False,
        help_text=_("Also tell when the episode is over."),
    )
    position = models.IntegerField(_("position"), default=0)

    objects = GroupActionQuerySet.as_manager()

    judged_fields: ClassVar[frozenset[str]] = frozenset({"group"})
    judged_related: ClassVar[tuple[str, ...]] = ("group",)

    class Meta:
        verbose_name = _("carried action")
        verbose_name_plural = _("carried actions")
        constraints = [
            models.UniqueConstraint(
                fields=["group", "action", "delay"],
                name="wfe_carried_once",
                violation_error_message=_("The group carries it with this delay."),
            ),
            models.CheckConstraint(
                condition=models.Q(delay__gte=0, delay__lte=MONTH_SECONDS),
                name="wfe_carried_delay",
                violation_error_message=_("The delay is 0 to 2678400 seconds."),
            ),
        ]
        indexes = [models.Index(fields=["action"], name="wfe_carried_action")]

    def __str__(self) -> str:
        return (
            f"{self.action.slug} after {self.delay} s"
            if self.delay
            else self.action.slug
        )

    def natural_key(self) -> tuple[str, str, int, str, int]:
        return (*self.group.natural_key(), self.action.slug, self.delay)

    natural_key.dependencies = [  # type: ignore[attr-defined] # read by dumpdata
        "workflow_engine.conditiongroup",
        "workflow_engine.action",
    ]

    def problems(self) -> dict[str, list[str]]:
        if not self.has_related("group") or self.group.role == ConditionGroup.Role.IF:
            return {}
        return {"group": ["only an if-group carries actions"]}
