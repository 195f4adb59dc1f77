"""Detector state: what a detector remembers of one subject in one environment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from workflow_engine.models.detector import Detector
from workflow_engine.models.fields import (
    ENVIRONMENT_CHARACTERS,
    PRIORITIES,
    PRIORITY_VALUES,
    REVISION_CHARACTERS,
    SUBJECT_CHARACTERS,
    MaxJsonBytes,
)
from workflow_engine.models.upsert import Upsert
from workflow_engine.types.detection import SubjectKey

MEMORY_BYTES: Final = 4096


class DetectorStateQuerySet(models.QuerySet["DetectorState"]):
    """States, written under a version."""

    def publish(self, rows: Collection[DetectorState]) -> set[SubjectKey]:
        """Write states and return the keys refused: another worker was first there.

        Each row carries the version it shall have: 1 when there was none, else one more
        than was read. A refused row has changed nothing; judge its samples again from
        the new state. At most one row per key. One statement.
        """
        by_key = {row.key: row for row in rows}
        if len(by_key) != len(rows):
            raise ValueError("publish was given the state of one key twice")
        written = PUBLISH.run(
            [{name: getattr(row, name) for name in PUBLISH.columns} for row in rows],
            using=self.db,
        )
        return by_key.keys() - set(written)

    publish.alters_data = True  # type: ignore[attr-defined] # Django's mark

    def of(self, keys: Collection[SubjectKey]) -> DetectorStateQuerySet:
        """Return the states of these keys, and of no other; one query for all of them."""
        subjects: dict[tuple[int, str], list[str]] = defaultdict(list)
        for detector_id, environment, subject in sorted(set(keys)):
            subjects[detector_id, environment].append(subject)
        wanted = Q(pk__in=[])
        for (detector_id, environment), names in subjects.items():
            wanted |= Q(
                detector=detector_id, environment=environment, subject__in=names
            )
        return self.filter(wanted)

    def get_by_natural_key(
        self, detector: str, environment: str, subject: str
    ) -> DetectorState:
        return self.get(
            detector__slug=detector, environment=environment, subject=subject
        )


class DetectorState(models.Model):
    """One row per detector, environment and subject that a stateful detector has seen."""

    detector = models.ForeignKey(
        Detector,
        on_delete=models.CASCADE,
        related_name="states",
        verbose_name=_("detector"),
        db_index=False,
    )
    environment = models.CharField(
        _("environment"), max_length=ENVIRONMENT_CHARACTERS, blank=True
    )
    subject = models.CharField(_("subject"), max_length=SUBJECT_CHARACTERS, blank=True)
    priority = models.SmallIntegerField(_("priority"), choices=PRIORITIES, default=0)
    previous_priority = models.SmallIntegerField(
        _("previous priority"), choices=PRIORITIES, default=0
    )
    streaks = models.JSONField(_("streaks"), default=dict, blank=True)
    clears = models.IntegerField(_("clears"), default=0)
    watermark = models.DateTimeField(_("watermark"), null=True, blank=True)
    last_seen_at = models.DateTimeField(_("last seen"), null=True, blank=True)
    episode = models.BigIntegerField(
        _("episode"),
        default=0,
        help_text=_("Microseconds of the moment it opened; 0: there was none yet."),
    )
    changed_at = models.DateTimeField(_("changed"), null=True, blank=True)
    memory = models.JSONField(
        _("memory"), default=dict, blank=True, validators=[MaxJsonBytes(MEMORY_BYTES)]
    )
    revision = models.CharField(
        _("revision"), max_length=REVISION_CHARACTERS, blank=True
    )
    version = models.BigIntegerField(_("version"), default=1)

    objects = DetectorStateQuerySet.as_manager()

    class Meta:
        verbose_name = _("detector state")
        verbose_name_plural = _("detector states")
        constraints = [
            models.UniqueConstraint(
                fields=["detector", "environment", "subject"], name="wfe_state_key"
            ),
            models.CheckConstraint(
                condition=Q(
                    priority__in=PRIORITY_VALUES, previous_priority__in=PRIORITY_VALUES
                ),
                name="wfe_state_priority",
            ),
            models.CheckConstraint(
                condition=Q(version__gte=1, clears__gte=0, episode__gte=0),
                name="wfe_state_counts",
            ),
        ]
        indexes = [
            models.Index(
                fields=["detector", "priority"],
                condition=Q(priority__gt=0),
                name="wfe_state_open",
            )
        ]

    def __str__(self) -> str:
        text = f"{self.subject or '-'}: {self.get_priority_display()}"
        if self.changed_at is None:
            return text
        return f"{text} since {_clock_time(self.changed_at)}"

    def natural_key(self) -> tuple[str, str, str]:
        return (self.detector.slug, self.environment, self.subject)

    natural_key.dependencies = [  # type: ignore[attr-defined] # read by dumpdata
        "workflow_engine.detector"
    ]

    @property
    def key(self) -> SubjectKey:
        """What the state is about."""
        return (self.detector_id, self.environment, self.subject)


def _clock_time(moment: datetime) -> str:
    return f"{timezone.localtime(moment):%H:%M}"


_KEY: Final = ("detector_id", "environment", "subject")

#: What a row and the state it is read as have alike, name and value.
SAME_COLUMNS: Final = (
    "streaks",
    "clears",
    "watermark",
    "last_seen_at",
    "episode",
    "changed_at",
    "memory",
    "revision",
    "version",
)
_VALUES: Final = ("priority", "previous_priority", *SAME_COLUMNS)

#: Insert the state, or replace exactly the version that was read.
PUBLISH: Final = Upsert(
    model=DetectorState,
    columns=(*_KEY, *_VALUES),
    key=_KEY,
    update=", ".join(f"{{set[{name}]}} = {{new[{name}]}}" for name in _VALUES)
    + " WHERE {old[version]} = {new[version]} - 1",
    returning=_KEY,
)
