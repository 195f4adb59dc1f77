"""Pause: whether items are to wait, why, by whom and until when."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

#: The one row.
ONLY: Final = 1

BY_CHARACTERS: Final = 150
WHY_CHARACTERS: Final = 200


class PauseQuerySet(models.QuerySet["Pause"]):
    """The one pause there may be."""

    def current(self, now: datetime) -> Pause | None:
        """Return the pause that lasts at a moment, or None; one query."""
        lasts = models.Q(until=None) | models.Q(until__gt=now)
        return self.filter(lasts, pk=ONLY).first()


class Pause(models.Model):
    """Items are accepted, and none is claimed or begun. It ends by itself when it says so."""

    id = models.SmallIntegerField(primary_key=True, default=ONLY)
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(
        _("until"), null=True, help_text=_("Null: until somebody ends it.")
    )
    by = models.CharField(_("by"), max_length=BY_CHARACTERS, blank=True)
    why = models.CharField(_("why"), max_length=WHY_CHARACTERS, blank=True)

    objects = PauseQuerySet.as_manager()

    class Meta:
        verbose_name = _("pause")
        verbose_name_plural = _("pauses")
        constraints = [
            models.CheckConstraint(condition=models.Q(id=ONLY), name="wfe_pause_only")
        ]

    def __str__(self) -> str:
        return f"since {self.since:%Y-%m-%d %H:%M}"
