"""Environment: a name that a workflow may be restricted to, such as production."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from workflow_engine.models.fields import ENVIRONMENT_CHARACTERS
from workflow_engine.models.rules import Rule, RuleQuerySet


class EnvironmentQuerySet(RuleQuerySet["Environment"]):
    """Environments, found by name."""

    def get_by_natural_key(self, name: str) -> Environment:
        return self.get(name=name)


class Environment(Rule):
    """A row exists only for what a workflow can choose; events may carry any name.

    It cannot be deleted while a workflow names it: losing the row must never widen a
    workflow to every environment.
    """

    name = models.CharField(_("name"), max_length=ENVIRONMENT_CHARACTERS)
    description = models.TextField(_("description"), blank=True)

    objects = EnvironmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("environment")
        verbose_name_plural = _("environments")
        constraints = [
            models.UniqueConstraint(fields=["name"], name="wfe_environment_name"),
            models.CheckConstraint(
                condition=~models.Q(name=""),
                name="wfe_environment_named",
                violation_error_message=_("An environment needs a name."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple[str]:
        return (self.name,)
