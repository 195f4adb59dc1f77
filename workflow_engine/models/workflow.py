"""Workflow: what should happen, where, how often; and the links that feed it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from workflow_engine.conf import MONTH_SECONDS, options
from workflow_engine.models.detector import Detector
from workflow_engine.models.environment import Environment
from workflow_engine.models.fields import SLUG_CHARACTERS, validate_slug
from workflow_engine.models.rules import Rule, RuleQuerySet


def default_interval() -> int:
    """Return the interval, in seconds, that a new workflow starts with."""
    seconds: int = options.INTERVAL_SECONDS
    return seconds


class WorkflowQuerySet(RuleQuerySet["Workflow"]):
    """Workflows, found by slug."""

    def get_by_natural_key(self, slug: str) -> Workflow:
        return self.get(slug=slug)


class Workflow(Rule):
    """Judged when a detector it is linked to triggers; its if-groups carry the actions."""

    slug = models.CharField(
        _("slug"), max_length=SLUG_CHARACTERS, validators=[validate_slug]
    )
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    enabled = models.BooleanField(_("enabled"), default=True)
    environment = models.ForeignKey(
        Environment,
        on_delete=models.PROTECT,
        related_name="workflows",
        verbose_name=_("environment"),
        help_text=_("Empty: every event, also one without an environment."),
        null=True,
        blank=True,
        db_index=False,
    )
    interval = models.IntegerField(
        _("interval"),
        default=default_interval,
        help_text=_(
            "Seconds. Each action acts at most once in it, per environment and subject; "
            "0: no limit."
        ),
    )
    snoozed_until = models.DateTimeField(_("snoozed until"), null=True, blank=True)
    snooze_note = models.CharField(_("snooze note"), max_length=200, blank=True)
    trace_until = models.DateTimeField(
        _("trace until"),
        null=True,
        blank=True,
        help_text=_("Until then every decision is kept, not only a sample."),
    )
    detectors = models.ManyToManyField(
        Detector,
        through="DetectorWorkflow",
        related_name="workflows",
        verbose_name=_("detectors"),
    )

    objects = WorkflowQuerySet.as_manager()

    judged_fields: ClassVar[frozenset[str]] = frozenset({"slug"})
    checked_fields: ClassVar[tuple[str, ...]] = ("slug",)

    class Meta:
        verbose_name = _("workflow")
        verbose_name_plural = _("workflows")
        permissions = [
            ("fire_workflow", _("Can fire the actions of a workflow by hand"))
        ]
        constraints = [
            models.UniqueConstraint(fields=["slug"], name="wfe_workflow_slug"),
            models.CheckConstraint(
                condition=models.Q(slug=Lower("slug")) & ~models.Q(slug=""),
                name="wfe_workflow_slug_lower",
                violation_error_message=_("A slug is lower-case and not empty."),
            ),
            models.CheckConstraint(
                condition=models.Q(interval__gte=0, interval__lte=MONTH_SECONDS),
                name="wfe_workflow_interval",
                violation_error_message=_("The interval is 0 to 2678400 seconds."),
            ),
        ]
        indexes = [
            models.Index(fields=["environment"], name="wfe_workflow_environment")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.slug})"

    def natural_key(self) -> tuple[str]:
        return (self.slug,)


class DetectorWorkflowQuerySet(RuleQuerySet["DetectorWorkflow"]):
    """Links, found by the slugs of both ends."""

    def get_by_natural_key(self, detector: str, workflow: str) -> DetectorWorkflow:
        return self.get(detector__slug=detector, workflow__slug=workflow)


class DetectorWorkflow(Rule):
    """A link: what this detector says is the concern of this workflow."""

    detector = models.ForeignKey(
        Detector,
        on_delete=models.CASCADE,
        related_name="links",
        verbose_name=_("detector"),
        db_index=False,
    )
    workflow = models.ForeignKey(
        Workflow,
        on_delete=models.CASCADE,
        related_name="links",
        verbose_name=_("workflow"),
        db_index=False,
    )

    objects = DetectorWorkflowQuerySet.as_manager()

    class Meta:
        verbose_name = _("link")
        verbose_name_plural = _("links")
        constraints = [
            models.UniqueConstraint(
                fields=["detector", "workflow"],
                name="wfe_link_pair",
                violation_error_message=_("This detector and workflow are linked."),
            )
        ]
        indexes = [models.Index(fields=["workflow"], name="wfe_link_workflow")]

    def __str__(self) -> str:
        return f"{self.detector.slug} → {self.workflow.slug}"

    def natural_key(self) -> tuple[str, str]:
        return (self.detector.slug, self.workflow.slug)

    natural_key.dependencies = [  # type: ignore[attr-defined] # read by dumpdata
        "workflow_engine.detector",
        "workflow_engine.workflow",
    ]
