"""Work item: durable work due at a time. Written by `queue.store` alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from workflow_engine import clock
from workflow_engine.models.fields import SUBJECT_CHARACTERS
from workflow_engine.models.firing import Firing

#: Python and every page of items can read these; `infinity` by raw SQL would fail them.
EARLIEST_DUE: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST_DUE: Final = datetime(3000, 1, 1, tzinfo=UTC)

KEY_CHARACTERS: Final = 255


class ItemState(models.TextChoices):
    """Where an item stands; the last three are terminal."""

    SCHEDULED = "scheduled", _("scheduled")
    SENT = "sent", _("sent")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    CANCELLED = "cancelled", _("cancelled")
    DEAD = "dead", _("dead")


CLAIMED_STATES: Final = (ItemState.SENT.value, ItemState.RUNNING.value)
LIVE_STATES: Final = (ItemState.SCHEDULED.value, *CLAIMED_STATES)
TERMINAL_STATES: Final = (
    ItemState.DONE.value,
    ItemState.CANCELLED.value,
    ItemState.DEAD.value,
)


class WorkItemQuerySet(models.QuerySet["WorkItem"]):
    """Items as they are read; no verb here writes."""

    def live(self) -> WorkItemQuerySet:
        """Return those still to be carried out."""
        return self.filter(state__in=LIVE_STATES)

    def terminal(self) -> WorkItemQuerySet:
        """Return those done, cancelled or dead."""
        return self.filter(state__in=TERMINAL_STATES)

    def due_before(self, moment: datetime) -> WorkItemQuerySet:
        """Return those scheduled and due at `moment` or earlier, the first due first."""
        scheduled = self.filter(state=ItemState.SCHEDULED, due_at__lte=moment)
        return scheduled.order_by("due_at", "id")


class WorkItem(models.Model):
    """One row per piece of work. Which state may follow which is the store's business."""

    kind = models.CharField(_("kind"), max_length=64)
    lane = models.CharField(_("lane"), max_length=64)
    subject = models.CharField(_("subject"), max_length=SUBJECT_CHARACTERS, blank=True)
    payload = models.JSONField(_("payload"), default=dict, blank=True)
    shard = models.SmallIntegerField(_("shard"))
    state = models.CharField(
        _("state"),
        max_length=16,
        choices=ItemState,
        default=ItemState.SCHEDULED.value,
    )
    due_at = models.DateTimeField(_("due"))
    rev = models.BigIntegerField(_("revision"), default=1)
    token = models.BigIntegerField(_("token"), default=0)
    sends = models.IntegerField(_("sends"), default=0)
    attempts = models.IntegerField(_("attempts"), default=0)
    max_attempts = models.IntegerField(_("attempts allowed"))
    lease_ends_at = models.DateTimeField(_("lease ends"), null=True, blank=True)
    worker = models.CharField(_("worker"), max_length=200, blank=True)
    cancel_requested_at = models.DateTimeField(
        _("cancel requested"), null=True, blank=True
    )
    dedupe_key = models.CharField(  # noqa: DJ001 - unique where not null
        _("dedupe key"), max_length=KEY_CHARACTERS, null=True, blank=True
    )
    key = models.CharField(  # noqa: DJ001 - unique where not null
        _("key"), max_length=KEY_CHARACTERS, null=True, blank=True
    )
    firing = models.OneToOneField(
        Firing,
        to_field="uuid",
        on_delete=models.CASCADE,
        related_name="item",
        verbose_name=_("firing"),
        null=True,
        blank=True,
    )
    result = models.JSONField(_("result"), null=True, blank=True)
    error_class = models.CharField(_("class of the error"), max_length=200, blank=True)
    error = models.TextField(_("error"), blank=True)
    created_at = models.DateTimeField(_("created"), default=clock.now)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = WorkItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("item")
        verbose_name_plural = _("items")
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=ItemState.values), name="wfe_item_state"
            ),
            models.CheckConstraint(
                condition=Q(due_at__gte=EARLIEST_DUE, due_at__lt=LATEST_DUE),
                name="wfe_item_due",
            ),
            models.CheckConstraint(
                condition=Q(
                    id__gte=1,
                    shard__gte=0,
                    rev__gte=1,
                    token__gte=0,
                    sends__gte=0,
                    attempts__gte=0,
                    max_attempts__gte=1,
                ),
                name="wfe_item_counts",
            ),
            models.CheckConstraint(
                condition=Q(state__in=CLAIMED_STATES, lease_ends_at__isnull=False)
                | (
                    ~Q(state__in=CLAIMED_STATES)
                    & Q(lease_ends_at__isnull=True, worker="")
                ),
                name="wfe_item_lease",
            ),
            models.CheckConstraint(
                condition=Q(state__in=TERMINAL_STATES, finished_at__isnull=False)
                | (~Q(state__in=TERMINAL_STATES) & Q(finished_at__isnull=True)),
                name="wfe_item_finished",
            ),
            models.CheckConstraint(
                condition=~Q(state="running")
                | (Q(attempts__gte=1, token__gte=1) & ~Q(worker="")),
                name="wfe_item_running",
            ),
            models.UniqueConstraint(
                fields=["dedupe_key"],
                condition=Q(dedupe_key__isnull=False),
                name="wfe_item_dedupe",
            ),
            models.UniqueConstraint(
                fields=["key"],
                condition=Q(state="scheduled", token=0),
                name="wfe_item_key",
            ),
        ]
        indexes = [
            models.Index(
                fields=["shard", "due_at", "id"],
                condition=Q(state="scheduled"),
                name="wfe_item_scheduled",
            ),
            models.Index(
                fields=["shard", "lease_ends_at"],
                condition=Q(state__in=CLAIMED_STATES),
                name="wfe_item_claimed",
            ),
            models.Index(
                fields=["finished_at"],
                condition=Q(state__in=TERMINAL_STATES),
                name="wfe_item_ended",
            ),
            # The dead are few among all that ended, and are counted again and again.
            models.Index(
                fields=["finished_at"],
                condition=Q(state="dead"),
                name="wfe_item_dead",
            ),
            models.Index(
                fields=["subject"],
                condition=Q(state__in=LIVE_STATES),
                name="wfe_item_subject",
            ),
            models.Index(
                fields=["key"],
                condition=Q(state__in=LIVE_STATES),
                name="wfe_item_live_key",
            ),
        ]

    def __str__(self) -> str:
        about = f" for {self.subject}" if self.subject else ""
        return f"{self.kind} {self.pk}{about}: {self.get_state_display()}"
