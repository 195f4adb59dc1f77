"""Action interval: until when an action of a workflow is held for a subject."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connections, models, transaction
from django.db.models.functions import Collate
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from workflow_engine.models.action import Action
from workflow_engine.models.fields import ENVIRONMENT_CHARACTERS, SUBJECT_CHARACTERS
from workflow_engine.models.firing import Firing
from workflow_engine.models.upsert import Upsert
from workflow_engine.models.workflow import Workflow


class IntervalKey(NamedTuple):
    """What an interval is about."""

    workflow_id: int
    action_id: int
    environment: str
    subject: str


@dataclass(frozen=True, kw_only=True)
class Acquisition:
    """A firing that asks for the interval of its action.

    Attributes:
        key: Whose interval.
        held_until: Until when others are held if this one wins.
        firing: Its uuid; the row may be written later in the same transaction.
    """

    key: IntervalKey
    held_until: datetime
    firing: UUID


@dataclass(frozen=True, kw_only=True)
class Holding:
    """Who holds an interval after the question.

    Attributes:
        held_until: From this moment on the action may act again.
        firing: The firing that holds it; None when that firing is gone.
    """

    held_until: datetime
    firing: UUID | None

    def is_of(self, firing: UUID) -> bool:
        """Say whether this firing holds it, which is to say: may act."""
        return self.firing == firing


class ActionIntervalQuerySet(models.QuerySet["ActionInterval"]):
    """Intervals, won by exactly one firing at a time."""

    def acquire(
        self, acquisitions: Collection[Acquisition], *, now: datetime
    ) -> dict[IntervalKey, Holding]:
        """Return who holds each interval; a firing has won exactly when it is named.

        An interval is free before its first row and at `held_until` itself. Among any
        number of workers one wins, and the others wait for its transaction. Of two
        acquisitions of one key in one call the first is tried. One statement.
        """
        first: dict[IntervalKey, Acquisition] = {}
        for acquisition in acquisitions:
            first.setdefault(acquisition.key, acquisition)
        written = ACQUIRE.run(
            [
                {**key._asdict(), "held_until": a.held_until, "firing_id": a.firing}
                for key, a in first.items()
            ],
            using=self.db,
            parameters={"held_until": [now, now]},
        )
        return {
            IntervalKey(*key): Holding(held_until=held_until, firing=firing)
            for *key, held_until, firing in written
        }

    acquire.alters_data = True  # type: ignore[attr-defined] # Django's mark

    def hold(
        self,
        acquisitions: Collection[Acquisition],
        firings: Collection[UUID],
        *,
        now: datetime,
    ) -> dict[IntervalKey, Holding]:
        """Acquire, and lock in one order with it what these firings hold.

        For whoever acquires some intervals and releases others in one transaction: a row
        that is not there yet cannot be locked, so it is inserted in its place. Two
        statements.
        """
        held = self.filter(firing__in=list(firings), held_until__gt=now)
        names = held.values_list(*IntervalKey._fields, "firing")
        touched = [  # held, so nothing is written; one that has ended ends now
            Acquisition(key=IntervalKey(*key), held_until=now, firing=firing)
            for *key, firing in names
        ]
        return self.acquire([*acquisitions, *touched], now=now)

    hold.alters_data = True  # type: ignore[attr-defined] # Django's mark

    def release(self, firings: Collection[UUID], now: datetime) -> int:
        """End the intervals that these firings hold, now; return how many.

        Rows are locked in the order in which `acquire` locks them: texts by code point,
        whatever the collation of the database.
        """
        codes = "BINARY" if connections[self.db].vendor == "sqlite" else "C"
        texts = (Collate(name, codes) for name in ("environment", "subject"))
        with transaction.atomic(using=self.db, savepoint=False):
            held = self.filter(firing__in=list(firings), held_until__gt=now)
            ordered = held.order_by("workflow_id", "action_id", *texts)
            ids = list(ordered.select_for_update().values_list("pk", flat=True))
            return self.filter(pk__in=ids).update(held_until=now)

    release.alters_data = True  # type: ignore[attr-defined] # Django's mark

    def get_by_natural_key(
        self, workflow: str, action: str, environment: str, subject: str
    ) -> ActionInterval:
        return self.get(
            workflow__slug=workflow,
            action__slug=action,
            environment=environment,
            subject=subject,
        )


class ActionInterval(models.Model):
    """One row per workflow, action, environment and subject that has acted."""

    workflow = models.ForeignKey(
        Workflow,
        on_delete=models.CASCADE,
        related_name="intervals",
        verbose_name=_("workflow"),
        db_index=False,
    )
    action = models.ForeignKey(
        Action,
        on_delete=models.CASCADE,
        related_name="intervals",
        verbose_name=_("action"),
        db_index=False,
    )
    environment = models.CharField(
        _("environment"), max_length=ENVIRONMENT_CHARACTERS, blank=True
    )
    subject = models.CharField(_("subject"), max_length=SUBJECT_CHARACTERS, blank=True)
    held_until = models.DateTimeField(_("held until"))
    firing = models.ForeignKey(
        Firing,
        to_field="uuid",
        on_delete=models.SET_NULL,
        related_name="intervals",
        verbose_name=_("firing"),
        null=True,
        blank=True,
        db_index=False,
    )

    objects = ActionIntervalQuerySet.as_manager()

    class Meta:
        verbose_name = _("action interval")
        verbose_name_plural = _("action intervals")
        constraints = [
            models.UniqueConstraint(
                fields=["workflow", "action", "environment", "subject"],
                name="wfe_interval_key",
            )
        ]
        indexes = [
            models.Index(fields=["action"], name="wfe_interval_action"),
            models.Index(fields=["firing"], name="wfe_interval_firing"),
        ]

    def __str__(self) -> str:
        until = f"{timezone.localtime(self.held_until):%Y-%m-%d %H:%M:%S}"
        what = f"{self.workflow.slug} → {self.action.slug}"
        return f"{what} for {self.subject or '-'}: held until {until}"

    def natural_key(self) -> tuple[str, str, str, str]:
        return (
            self.workflow.slug,
            self.action.slug,
            self.environment,
            self.subject,
        )

    natural_key.dependencies = [  # type: ignore[attr-defined] # read by dumpdata
        "workflow_engine.workflow",
        "workflow_engine.action",
    ]


_KEY: Final = IntervalKey._fields

#: Insert the interval, take it over if it has ended, or leave it; always say who has it.
ACQUIRE: Final = Upsert(
    model=ActionInterval,
    columns=(*_KEY, "held_until", "firing_id"),
    key=_KEY,
    update=(
        "{set[held_until]} = CASE WHEN {old[held_until]} <= %s"
        " THEN {new[held_until]} ELSE {old[held_until]} END, "
        "{set[firing_id]} = CASE WHEN {old[held_until]} <= %s"
        " THEN {new[firing_id]} ELSE {old[firing_id]} END"
    ),
    returning=(*_KEY, "held_until", "firing_id"),
)
