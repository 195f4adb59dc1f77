"""Detector: watches an event type at one source or any, and says what an event means."""

from __future__ import annotations

from typing import ClassVar, Final

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from workflow_engine import registry
from workflow_engine.models.fields import (
    EVENT_TYPE_CHARACTERS,
    SLUG_CHARACTERS,
    SOURCE_CHARACTERS,
    validate_slug,
)
from workflow_engine.models.rules import Rule, RuleQuerySet
from workflow_engine.types.routes import pattern_problem

ROUTE_BYTES: Final = 2600  # an index entry of PostgreSQL holds 2704 bytes


def validate_event_type(event_type: str) -> None:
    """Raise ValidationError unless it is exact, a dotted prefix with `.*`, or `*`."""
    if not pattern_problem(event_type):
        return
    raise ValidationError(
        _("event type must be exact, 'a.b.*' or '*'"), code="invalid_event_type"
    )


class DetectorQuerySet(RuleQuerySet["Detector"]):
    """Detectors, found by slug."""

    def get_by_natural_key(self, slug: str) -> Detector:
        return self.get(slug=slug)


class Detector(Rule):
    """One watcher. Its trigger group, if it has one, says which events are samples."""

    slug = models.CharField(
        _("slug"), max_length=SLUG_CHARACTERS, validators=[validate_slug]
    )
    name = models.CharField(_("name"), max_length=200)
    event_type = models.CharField(
        _("event type"),
        max_length=EVENT_TYPE_CHARACTERS,
        validators=[validate_event_type],
        help_text=_("Exact, 'a.b.*' for every type that begins with 'a.b.', or '*'."),
    )
    source = models.CharField(
        _("source"),
        max_length=SOURCE_CHARACTERS,
        blank=True,
        help_text=_("Empty: any source."),
    )
    kind = models.CharField(_("kind"), max_length=64)
    config = models.JSONField(_("configuration"), default=dict, blank=True)
    enabled = models.BooleanField(_("enabled"), default=True)

    objects = DetectorQuerySet.as_manager()

    judged_fields: ClassVar[frozenset[str]] = frozenset(
        {"slug", "event_type", "source", "kind", "config"}
    )
    checked_fields: ClassVar[tuple[str, ...]] = ("slug", "event_type")

    class Meta:
        verbose_name = _("detector")
        verbose_name_plural = _("detectors")
        constraints = [
            models.UniqueConstraint(fields=["slug"], name="wfe_detector_slug"),
            models.CheckConstraint(
                condition=models.Q(slug=Lower("slug")) & ~models.Q(slug=""),
                name="wfe_detector_slug_lower",
                violation_error_message=_("A slug is lower-case and not empty."),
            ),
        ]
        indexes = [
            models.Index(
                fields=["event_type", "source"],
                condition=models.Q(enabled=True),
                name="wfe_detector_route",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.slug})"

    def natural_key(self) -> tuple[str]:
        return (self.slug,)

    def problems(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        route_bytes = len((self.event_type + self.source).encode())
        if route_bytes > ROUTE_BYTES:
            found["source"] = [
                f"event type and source are {route_bytes} bytes, at most {ROUTE_BYTES}"
            ]
        known = registry.detectors.get(self.kind) is not None
        config_problems = registry.detectors.problems(self.kind, self.config)
        if config_problems:
            found["config" if known else "kind"] = config_problems
        if self.kind != "event" and self._has_results():
            found.setdefault("kind", []).append(
                "conditions of the trigger group carry a priority, "
                "which only a detector of kind 'event' reads"
            )
        return found

    def _has_results(self) -> bool:
        if self._state.adding:
            return False
        return self.groups.filter(conditions__result__isnull=False).exists()
