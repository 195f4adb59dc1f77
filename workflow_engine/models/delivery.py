"""Delivery: one attempt of an action to reach the outside."""

from __future__ import annotations

from typing import Final

from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from workflow_engine import clock
from workflow_engine.models.firing import Firing

ERROR_CHARACTERS: Final = 2048


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Deliveries, found by firing and attempt."""

    def get_by_natural_key(self, firing: str, attempt: int) -> Delivery:
        return self.get(firing__uuid=firing, attempt=attempt)


class Delivery(models.Model):
    """The request and the response are kept redacted, their first kilobyte."""

    firing = models.ForeignKey(
        Firing,
        to_field="uuid",
        on_delete=models.CASCADE,
        related_name="deliveries",
        verbose_name=_("firing"),
        db_index=False,
    )
    attempt = models.IntegerField(_("attempt"))
    started_at = models.DateTimeField(_("started"), default=clock.now)
    duration_ms = models.IntegerField(_("duration in ms"), default=0)
    endpoint = models.CharField(_("endpoint"), max_length=500, blank=True)
    status = models.IntegerField(_("status"), null=True, blank=True)
    ok = models.BooleanField(_("succeeded"))
    error_class = models.CharField(_("class of the error"), max_length=200, blank=True)
    error = models.TextField(
        _("error"), blank=True, validators=[MaxLengthValidator(ERROR_CHARACTERS)]
    )
    request = models.JSONField(_("request"), default=dict, blank=True)
    response = models.JSONField(_("response"), default=dict, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(
                fields=["firing", "attempt"], name="wfe_delivery_attempt"
            ),
            models.CheckConstraint(
                condition=Q(attempt__gte=1, duration_ms__gte=0),
                name="wfe_delivery_counts",
            ),
        ]
        indexes = [models.Index(fields=["-started_at"], name="wfe_delivery_started")]

    def __str__(self) -> str:
        result = _("succeeded") if self.ok else _("failed")
        return f"{self.firing_id} attempt {self.attempt}: {result}"

    def natural_key(self) -> tuple[str, int]:
        return (str(self.firing_id), self.attempt)

    natural_key.dependencies = [  # type: ignore[attr-defined] # read by dumpdata
        "workflow_engine.firing"
    ]
