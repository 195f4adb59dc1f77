"""Workflow filter: what a list of workflows can be narrowed to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from workflow_engine import clock
from workflow_engine.models import Firing


class FiredFilter(admin.SimpleListFilter):
    """Whether it ever fired, fired of late, or failed of late."""

    title = _("firings")
    parameter_name = "fired"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("day", _("fired in the last 24 hours")),
            ("failed", _("failed in the last 24 hours")),
            ("never", _("never fired")),
        ]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        firings = Firing.objects.filter(workflow=OuterRef("pk"))
        late = firings.filter(decided_at__gte=clock.now() - timedelta(hours=24))
        match self.value():
            case "day":
                return queryset.filter(Exists(late))
            case "failed":
                return queryset.filter(Exists(late.filter(state="failed")))
            case "never":
                return queryset.filter(~Exists(firings))
            case _:
                return queryset


class SnoozedFilter(admin.SimpleListFilter):
    """Whether it is snoozed now."""

    title = _("snoozed")
    parameter_name = "snoozed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("yes", _("yes")), ("no", _("no"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        now = clock.now()
        match self.value():
            case "yes":
                return queryset.filter(snoozed_until__gt=now)
            case "no":
                return queryset.exclude(snoozed_until__gt=now)
            case _:
                return queryset
