"""Action health: how the endpoint of an action has fared."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from workflow_engine.models.action import Action


class ActionHealthQuerySet(models.QuerySet["ActionHealth"]):
    """Found by the slug of the action."""

    def get_by_natural_key(self, action: str) -> ActionHealth:
        return self.get(action__slug=action)


class ActionHealth(models.Model):
    """Kept apart from the rule row: people edit that one, processing writes this one."""

    action = models.OneToOneField(
        Action,
        on_delete=models.CASCADE,
        related_name="health",
        verbose_name=_("action"),
    )
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    failures = models.IntegerField(_("failures in a row"), default=0)
    failed_probes = models.IntegerField(_("failed probes in a row"), default=0)
    warnings = models.SmallIntegerField(_("warnings given"), default=0)
    open_until = models.DateTimeField(_("paused until"), null=True, blank=True)
    off_at = models.DateTimeField(_("switched off"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True)

    objects = ActionHealthQuerySet.as_manager()

    class Meta:
        verbose_name = _("action health")
        verbose_name_plural = _("action health")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(failures__gte=0), name="wfe_health_failures"
            )
        ]

    def __str__(self) -> str:
        if self.off_at:
            return f"{self.action.slug}: off"
        return f"{self.action.slug}: {self.failures} failures in a row"

    def natural_key(self) -> tuple[str]:
        return (self.action.slug,)

    natural_key.dependencies = [  # type: ignore[attr-defined] # read by dumpdata
        "workflow_engine.action"
    ]
