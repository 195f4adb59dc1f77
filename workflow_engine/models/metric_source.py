"""Metric source: a process that writes figures, so that silence can be told from idleness."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

#: A flush may wait for the database, or for its turn on a busy machine.
GRACE: Final = timedelta(seconds=30)

#: Of whom nothing was heard for longer is not told of any more, unless what he counted since
#: is missing in what is shown: a process killed on purpose does not come back, and nobody is
#: to be warned of it for days.
HEARD: Final = timedelta(hours=1)


class CacheUse(models.TextChoices):
    """Whether a process answers from Redis."""

    USED = "used", _("in use")
    GIVEN_UP = "given_up", _("given up")  # until its server answers again


class MetricSourceQuerySet(models.QuerySet["MetricSource"]):
    """Processes that have written figures."""

    def living(self, now: datetime) -> MetricSourceQuerySet:
        """Return those that have not ended, and of whom something was heard lately."""
        return self.filter(ended_at=None, flushed_at__gte=now - HEARD)

    def silent(
        self, now: datetime, since: datetime | None = None
    ) -> MetricSourceQuerySet:
        """Return those that had more to write, and did not: killed, stuck, cut off.

        Of those heard in the last hour, and of those heard since a moment where one is given.
        """
        heard = now - HEARD if since is None else min(now - HEARD, since)
        return self.filter(
            ended_at=None, flushed_at__gte=heard, expected_at__lt=now - GRACE
        )

    def unheard_of_since(self, moment: datetime) -> MetricSourceQuerySet:
        """Return those that last wrote before a moment, ended or not.

        One that lives is known again once it counts. The first one of a release stays while
        a later one does: it says when the release began.
        """
        release = MetricSource.objects.using(self.db).filter(
            release=models.OuterRef("release")
        )
        earlier = release.filter(started_at__lt=models.OuterRef("started_at"))
        young = release.filter(flushed_at__gte=moment)
        return self.filter(
            models.Exists(earlier) | ~models.Exists(young), flushed_at__lt=moment
        )


class MetricSource(models.Model):
    """One process, from its first flush to its end.

    A process that has written says by when it writes again. Once it has nothing more to
    write it says so, and no more is expected of it until it counts anew.
    """

    name = models.CharField(
        _("process"),
        max_length=200,
        unique=True,
        help_text=_("Host, process id and when it began to count."),
    )
    release = models.CharField(
        _("release"),
        max_length=128,
        blank=True,
        help_text=_("Version of the app and RELEASE of the project."),
    )
    started_at = models.DateTimeField(_("began to count"))
    flushed_at = models.DateTimeField(_("last wrote"), db_index=True)
    expected_at = models.DateTimeField(
        _("expected"), null=True, help_text=_("Null: it had nothing more to write.")
    )
    cache_use = models.CharField(
        _("cache"),
        max_length=16,
        blank=True,
        choices=CacheUse.choices,
        help_text=_("Of a process whose entries are in Redis."),
    )
    ended_at = models.DateTimeField(_("ended"), null=True)

    objects = MetricSourceQuerySet.as_manager()

    class Meta:
        verbose_name = _("source of metrics")
        verbose_name_plural = _("sources of metrics")

    def __str__(self) -> str:
        return self.name
