"""Pause page: all items wait, or go on; asked for, confirmed, and noted in the history."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, override
from django.utils.translation import gettext_lazy as _

from workflow_engine import clock
from workflow_engine.admin.changes import changed_field
from workflow_engine.admin.pause_banner import banner_of
from workflow_engine.admin.standing import StandingAdmin
from workflow_engine.conf import options
from workflow_engine.models import Dashboard, Pause
from workflow_engine.models.pause import WHY_CHARACTERS
from workflow_engine.queue import pausing
from workflow_engine.status.pausing import read as read_pause

#: In minutes; the last one lasts until somebody ends it.
LENGTHS: Final = (
    ("10", _("10 minutes")),
    ("60", _("1 hour")),
    ("480", _("8 hours")),
    ("", _("until somebody resumes")),
)
SHORT: Final = "10"


class PauseForm(forms.Form):
    """How long, and why."""

    minutes = forms.ChoiceField(
        label=_("How long"), choices=LENGTHS, required=False, widget=forms.RadioSelect
    )
    why = forms.CharField(
        label=_("Why"),
        required=False,
        max_length=WHY_CHARACTERS,
        help_text=_("Shown to everybody who wonders why nothing is carried out."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class PausePages(StandingAdmin):
    """Two pages below that of the model, for who may change it."""

    def own_urls(self) -> list[URLPattern]:
        return [
            *super().own_urls(),
            *(
                path(
                    f"{verb}/",
                    self.admin_site.admin_view(view),
                    name=f"workflow_engine_dashboard_{verb}",
                )
                for verb, view in (
                    ("pause", self.pause_view),
                    ("resume", self.resume_view),
                )
            ),
        ]

    def url_of(self, name: str) -> str:
        """Return the address of a page of this one's, "changelist" the page itself."""
        return reverse(f"{self.admin_site.name}:workflow_engine_dashboard_{name}")

    def pause_urls(self) -> dict[str, str]:
        """Return where the buttons lead."""
        pause = self.url_of("pause")
        return {
            "short": f"{pause}?minutes={SHORT}",
            "open": pause,
            "resume": self.url_of("resume"),
        }

    def pause_view(self, request: HttpRequest) -> HttpResponse:
        """Ask how long and why; then pause."""
        self._ask_permission(request)
        form = PauseForm(
            request.POST if request.method == "POST" else None,
            initial={"minutes": request.GET.get("minutes", "")},
        )
        if form.is_valid():
            self._pause(request, **form.cleaned_data)
            return HttpResponseRedirect(self.url_of("changelist"))
        return self._confirm(request, _("Pause all items"), form)

    def resume_view(self, request: HttpRequest) -> HttpResponse:
        """Ask once more; then resume."""
        self._ask_permission(request)
        if request.method != "POST":
            return self._confirm(request, _("Resume all items"), None)
        if self._resume(request):
            text = gettext("Items are claimed and begun again.")
            self.message_user(request, text, messages.SUCCESS)
        else:
            text = gettext("Nothing was paused any more.")
            self.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(self.url_of("changelist"))

    def _ask_permission(self, request: HttpRequest) -> None:
        if not self.has_change_permission(request):
            raise PermissionDenied

    def _pause(self, request: HttpRequest, *, minutes: str, why: str) -> None:
        now = clock.now()
        until = now + timedelta(minutes=int(minutes)) if minutes else None
        by = request.user.get_username()
        with transaction.atomic(using=options.DATABASE):  # no pause that nobody noted
            before = pausing.current(now)
            pause = pausing.pause(now=now, until=until, by=by, why=why)
            self._note(request, before, pause)
        text = gettext("Items are accepted, and none is begun until the pause is over.")
        self.message_user(request, text, messages.SUCCESS)

    def _resume(self, request: HttpRequest) -> bool:
        """End the pause and say whether there was one."""
        now, by = clock.now(), request.user.get_username()
        with transaction.atomic(using=options.DATABASE):
            before = pausing.current(now)
            was_paused = pausing.resume(now=now, by=by)
            if was_paused:
                self._note(request, before, None)
        return was_paused

    def _confirm(
        self, request: HttpRequest, title: Any, form: PauseForm | None
    ) -> HttpResponse:
        paused = read_pause(options.DATABASE, clock.now())
        context = {
            "title": title,
            "form": form,
            "pause": banner_of(paused),
            "back_url": self.url_of("changelist"),
        }
        return self.respond(request, "admin/workflow_engine/pause.html", context)

    def _note(
        self, request: HttpRequest, before: Pause | None, after: Pause | None
    ) -> None:
        """Write what was changed into the history, with old and new value."""
        with override(None):
            fields = [
                changed_field(
                    Pause._meta.get_field(name),
                    getattr(before, name, None),
                    getattr(after, name, None),
                )
                for name in ("since", "until", "why")
            ]
        LogEntry.objects.create(
            user_id=str(request.user.pk),
            content_type=ContentType.objects.get_for_model(
                Dashboard, for_concrete_model=False
            ),
            object_id=None,
            object_repr=str(Pause._meta.verbose_name),
            action_flag=CHANGE,
            change_message=json.dumps([{"changed": {"fields": fields}}]),
        )
