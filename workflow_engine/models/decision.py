"""Decision: the kept record of why an event fired something, or did not."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from workflow_engine import clock
from workflow_engine.models.fields import (
    CODE_CHARACTERS,
    ENVIRONMENT_CHARACTERS,
    EVENT_ID_CHARACTERS,
    EVENT_TYPE_CHARACTERS,
    REVISION_CHARACTERS,
    SLUG_CHARACTERS,
    SOURCE_CHARACTERS,
    SUBJECT_CHARACTERS,
    MaxJsonBytes,
)
from workflow_engine.models.workflow import Workflow
from workflow_engine.types import Result

DETAIL_BYTES: Final = 32 * 1024

RESULTS: Final = (
    (Result.FIRED.value, _("fired")),
    (Result.HELD.value, _("held")),
    (Result.FAILED.value, _("failed")),
    (Result.NO_MATCH.value, _("no match")),
)


class DecisionQuerySet(models.QuerySet["Decision"]):
    """Decisions, found by their uuid."""

    def get_by_natural_key(self, uuid: str) -> Decision:
        return self.get(uuid=uuid)


class Decision(models.Model):
    """One per event. What points at it names its `uuid`, known before the row is written."""

    class Mode(models.TextChoices):
        """Whether something happened in earnest."""

        LIVE = "live", _("live")
        TEST = "test", _("test")

    uuid = models.UUIDField(_("trace id"))
    event_source = models.CharField(
        _("event source"), max_length=SOURCE_CHARACTERS, blank=True
    )
    event_id = models.CharField(
        _("event id"), max_length=EVENT_ID_CHARACTERS, blank=True
    )
    event_type = models.CharField(
        _("event type"), max_length=EVENT_TYPE_CHARACTERS, blank=True
    )
    environment = models.CharField(
        _("environment"), max_length=ENVIRONMENT_CHARACTERS, blank=True
    )
    subject = models.CharField(_("subject"), max_length=SUBJECT_CHARACTERS, blank=True)
    event_time = models.DateTimeField(_("event time"))
    decided_at = models.DateTimeField(_("decided"), default=clock.now)
    mode = models.CharField(
        _("mode"), max_length=8, choices=Mode, default=Mode.LIVE.value
    )
    outcome = models.CharField(
        _("outcome"), max_length=CODE_CHARACTERS, choices=RESULTS
    )
    reason = models.CharField(_("reason"), max_length=CODE_CHARACTERS)
    has_error = models.BooleanField(_("has an error"), default=False)
    event = models.JSONField(_("event"), default=dict, blank=True)
    detail = models.JSONField(_("detail"), default=dict, blank=True)
    duration_us = models.BigIntegerField(_("duration in µs"), default=0)
    worker = models.CharField(_("worker"), max_length=200, blank=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        constraints = [
            models.UniqueConstraint(fields=["uuid"], name="wfe_decision_uuid"),
        ]
        indexes = [
            # Source and id together can exceed what an index entry of PostgreSQL holds.
            models.Index(fields=["event_id"], name="wfe_decision_event"),
            models.Index(
                fields=["outcome", "-decided_at"], name="wfe_decision_outcome"
            ),
            models.Index(fields=["-decided_at"], name="wfe_decision_decided"),
        ]

    def __str__(self) -> str:
        about = f" {self.subject}" if self.subject else ""
        outcome = self.get_outcome_display()
        return f"{self.event_type}{about}: {outcome}, {self.reason}"

    def natural_key(self) -> tuple[str]:
        return (str(self.uuid),)


class WorkflowDecision(models.Model):
    """One line of a decision: one candidate workflow, with the revision it had."""

    decision = models.ForeignKey(
        Decision,
        to_field="uuid",
        on_delete=models.CASCADE,
        related_name="workflows",
        verbose_name=_("decision"),
        db_index=False,
    )
    workflow = models.ForeignKey(
        Workflow,
        on_delete=models.SET_NULL,
        related_name="decisions",
        verbose_name=_("workflow"),
        null=True,
        blank=True,
        db_index=False,
    )
    workflow_slug = models.CharField(_("workflow slug"), max_length=SLUG_CHARACTERS)
    revision = models.CharField(
        _("revision"), max_length=REVISION_CHARACTERS, blank=True
    )
    outcome = models.CharField(
        _("outcome"), max_length=CODE_CHARACTERS, choices=RESULTS
    )
    reason = models.CharField(_("reason"), max_length=CODE_CHARACTERS)
    has_error = models.BooleanField(_("has an error"), default=False)
    detail = models.JSONField(
        _("detail"), default=dict, blank=True, validators=[MaxJsonBytes(DETAIL_BYTES)]
    )

    class Meta:
        verbose_name = _("decision of a workflow")
        verbose_name_plural = _("decisions of workflows")
        indexes = [
            models.Index(fields=["workflow", "-id"], name="wfe_line_workflow"),
            models.Index(fields=["decision"], name="wfe_line_decision"),
        ]

    def __str__(self) -> str:
        return f"{self.workflow_slug}: {self.get_outcome_display()}, {self.reason}"
