"""Firing: one action decided on."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from workflow_engine import clock
from workflow_engine.models.action import Action
from workflow_engine.models.decision import Decision
from workflow_engine.models.detector import Detector
from workflow_engine.models.fields import (
    CODE_CHARACTERS,
    ENVIRONMENT_CHARACTERS,
    EVENT_ID_CHARACTERS,
    PRIORITIES,
    PRIORITY_VALUES,
    SLUG_CHARACTERS,
    SOURCE_CHARACTERS,
    SUBJECT_CHARACTERS,
)
from workflow_engine.models.workflow import Workflow


class FiringState(models.TextChoices):
    """Where a firing stands; the first three are open."""

    DUE = "due", _("due")
    RUNNING = "running", _("running")
    RETRYING = "retrying", _("retrying")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


OPEN_STATES: Final = (
    FiringState.DUE.value,
    FiringState.RUNNING.value,
    FiringState.RETRYING.value,
)


class FiringQuerySet(models.QuerySet["Firing"]):
    """Firings, open and ended."""

    def open(self) -> FiringQuerySet:
        """Return those that have not ended."""
        return self.filter(state__in=OPEN_STATES)

    def ended(self) -> FiringQuerySet:
        """Return those that have succeeded, failed or been cancelled."""
        return self.exclude(state__in=OPEN_STATES)

    def get_by_natural_key(self, uuid: str) -> Firing:
        return self.get(uuid=uuid)


class Firing(models.Model):
    """Stays as history when its rules and its item are gone: slugs are kept as text.

    `uuid` is the idempotency key given to the handler. What points at a firing names its
    `uuid`, so that it can be written before the firing in the same transaction.
    """

    class Purpose(models.TextChoices):
        """Why it was decided on."""

        TRIGGER = "trigger", _("trigger")
        RESOLVE = "resolve", _("resolve")
        TEST = "test", _("test")

    uuid = models.UUIDField(_("idempotency key"))
    trace_id = models.UUIDField(_("trace id"))
    decision = models.ForeignKey(
        Decision,
        to_field="uuid",
        on_delete=models.SET_NULL,
        related_name="firings",
        verbose_name=_("decision"),
        null=True,
        blank=True,
        db_index=False,
    )
    event_source = models.CharField(
        _("event source"), max_length=SOURCE_CHARACTERS, blank=True
    )
    event_id = models.CharField(
        _("event id"), max_length=EVENT_ID_CHARACTERS, blank=True
    )
    environment = models.CharField(
        _("environment"), max_length=ENVIRONMENT_CHARACTERS, blank=True
    )
    subject = models.CharField(_("subject"), max_length=SUBJECT_CHARACTERS, blank=True)
    detector = models.ForeignKey(
        Detector,
        on_delete=models.SET_NULL,
        related_name="firings",
        verbose_name=_("detector"),
        null=True,
        blank=True,
        db_index=False,
    )
    detector_slug = models.CharField(
        _("detector slug"), max_length=SLUG_CHARACTERS, blank=True
    )
    workflow = models.ForeignKey(
        Workflow,
        on_delete=models.SET_NULL,
        related_name="firings",
        verbose_name=_("workflow"),
        null=True,
        blank=True,
        db_index=False,
    )
    workflow_slug = models.CharField(
        _("workflow slug"), max_length=SLUG_CHARACTERS, blank=True
    )
    action = models.ForeignKey(
        Action,
        on_delete=models.SET_NULL,
        related_name="firings",
        verbose_name=_("action"),
        null=True,
        blank=True,
        db_index=False,
    )
    action_slug = models.CharField(_("action slug"), max_length=SLUG_CHARACTERS)
    purpose = models.CharField(
        _("purpose"), max_length=8, choices=Purpose, default=Purpose.TRIGGER.value
    )
    on_resolve = models.BooleanField(_("on resolve"), default=False)
    episode = models.BigIntegerField(_("episode"), null=True, blank=True)
    priority = models.SmallIntegerField(_("priority"), choices=PRIORITIES, default=0)
    decided_at = models.DateTimeField(_("decided"), default=clock.now)
    due_at = models.DateTimeField(_("due"), default=clock.now)
    state = models.CharField(
        _("state"),
        max_length=CODE_CHARACTERS,
        choices=FiringState,
        default=FiringState.DUE.value,
    )
    reason = models.CharField(_("reason"), max_length=CODE_CHARACTERS, blank=True)
    attempts = models.IntegerField(_("attempts"), default=0)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = FiringQuerySet.as_manager()

    class Meta:
        verbose_name = _("firing")
        verbose_name_plural = _("firings")
        constraints = [
            models.UniqueConstraint(fields=["uuid"], name="wfe_firing_uuid"),
            models.CheckConstraint(
                condition=Q(state__in=FiringState.values), name="wfe_firing_state"
            ),
            models.CheckConstraint(
                condition=Q(purpose__in=["trigger", "resolve", "test"]),
                name="wfe_firing_purpose",
            ),
            models.CheckConstraint(
                condition=Q(priority__in=PRIORITY_VALUES, attempts__gte=0),
                name="wfe_firing_counts",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workflow", "-decided_at"], name="wfe_firing_workflow"
            ),
            models.Index(fields=["action", "-decided_at"], name="wfe_firing_action"),
            models.Index(
                fields=["detector", "environment", "subject", "episode"],
                name="wfe_firing_episode",
            ),
            # Source and id together can exceed what an index entry of PostgreSQL holds.
            models.Index(fields=["event_id"], name="wfe_firing_event"),
            models.Index(
                fields=["state", "due_at"],
                condition=Q(state__in=OPEN_STATES),
                name="wfe_firing_open",
            ),
            models.Index(fields=["decision"], name="wfe_firing_decision"),
        ]

    def __str__(self) -> str:
        what = " → ".join(
            slug for slug in (self.workflow_slug, self.action_slug) if slug
        )
        about = f" for {self.subject}" if self.subject else ""
        return f"{what}{about}: {self.get_state_display()}"

    def natural_key(self) -> tuple[str]:
        return (str(self.uuid),)

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state in OPEN_STATES
