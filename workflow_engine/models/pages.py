"""Pages: models without rows of their own, for admin pages that are no list of rows.

As proxies they bring permissions and an address, but no table that a dump would look for.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from workflow_engine.models.metric import MetricBucket


class Dashboard(MetricBucket):
    """The page that shows how all is going; to change it is to pause and resume."""

    class Meta:
        proxy = True
        verbose_name = _("dashboard")
        verbose_name_plural = _("dashboard")
        default_permissions = ("view", "change")


class Cache(MetricBucket):
    """The page of the look-ups; to change it is to verify and to forget."""

    class Meta:
        proxy = True
        verbose_name = _("cache")
        verbose_name_plural = _("cache")
        default_permissions = ("view", "change")
