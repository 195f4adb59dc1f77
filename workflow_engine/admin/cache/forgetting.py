"""Forgetting: one entry, all of an access or all, after a page that says what it will do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from workflow_engine import clock
from workflow_engine.admin.base import by_user
from workflow_engine.admin.cache.addresses import address, entry_url, page_url
from workflow_engine.admin.cache.cells import short
from workflow_engine.admin.cache.entry_form import SomeEntriesForm
from workflow_engine.admin.cache.noting import note, told_away
from workflow_engine.admin.numbers import number
from workflow_engine.admin.standing import StandingAdmin
from workflow_engine.caches.coherence import CellState, current
from workflow_engine.conf import options
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.inspection.forgetting import (
    NOT_FORGOTTEN,
    Forgotten,
    forget_all,
    forget_key,
)
from workflow_engine.inspection.keys import Count, count

#: Entries of one access are counted no further: the page need not be exact beyond.
COUNTED: Final = 10_000

#: Nor for longer, all accesses together: a server may hold millions of names of others.
COUNTING_SECONDS: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What will be forgotten of one access.

    Attributes:
        access: Its name.
        entries: How many are there, in words.
        code: The number for programs; "" = unknown.
    """

    access: str
    entries: str
    code: str


class ForgettingMixin(StandingAdmin):
    """A page below that of the look-ups, for who may change it."""

    forgetting_template = "admin/workflow_engine/cache_forget.html"
    counting_seconds = COUNTING_SECONDS

    def own_urls(self) -> list[URLPattern]:
        page = address(self, "forget", self.forget_view, "forget/")
        return [*super().own_urls(), page]

    def forget_view(self, request: HttpRequest) -> HttpResponse:
        """Show what would be forgotten; forget it when the form is sent."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        is_sent = request.method == "POST"
        form = SomeEntriesForm(request.POST if is_sent else request.GET)
        if is_sent and form.is_valid():
            return self._forget(request, form)
        context: dict[str, Any] = {"title": _("Forget entries"), "form": form}
        if form.is_valid():
            context |= self._plan(form)
        return self.respond(request, self.forgetting_template, context)

    def _plan(self, form: SomeEntriesForm) -> dict[str, Any]:
        plan: dict[str, Any] = {
            "is_planned": True,
            "access": form.cleaned_data["access"],
            "key": form.key_text,
            "is_shared": options.CACHE_ALIAS is not None,
            "back_url": self._back(form),
        }
        try:
            return plan | {"planned": list(_planned(form, self.counting_seconds))}
        except CacheUnavailable as error:
            return plan | {"away": told_away(error)}

    def _forget(self, request: HttpRequest, form: SomeEntriesForm) -> HttpResponse:
        is_shared = options.CACHE_ALIAS is not None
        questions = form.questions()
        try:
            with by_user(request):
                done = (
                    forget_key(
                        current(), questions[0], form.parsed, is_shared=is_shared
                    )
                    if form.key_text
                    else forget_all(current(), questions)
                )
        except CacheUnavailable as error:
            text = _("The cache was not reached: %(why)s.") % {"why": told_away(error)}
            self.message_user(request, f"{text} {_(NOT_FORGOTTEN)}", messages.ERROR)
        else:
            self._tell_forgotten(request, form, done)
        return HttpResponseRedirect(self._back(form))

    def _tell_forgotten(
        self, request: HttpRequest, form: SomeEntriesForm, done: list[Forgotten]
    ) -> None:
        self.message_user(request, _text(done), messages.SUCCESS)
        access = form.cleaned_data["access"]
        with override(None):
            about = f"{access or 'every access'} {form.key_text}".strip()
            text = _text(done)
        extra = {
            "action": "forget_by_hand",
            "forgotten": [one.json() for one in done],
        }
        note(request, self, about=about, text=text, extra=extra)

    def _back(self, form: SomeEntriesForm) -> str:
        """Return the page that one comes from."""
        if form.key_text:
            return entry_url(self, form.cleaned_data["access"], form.key_text)
        return page_url(self, "changelist")


def _planned(form: SomeEntriesForm, seconds: float) -> Iterator[Planned]:
    """Yield what is there, as far as it can be counted in so many seconds.

    Raises:
        CacheUnavailable: The server does not answer.
    """
    is_shared = options.CACHE_ALIAS is not None
    coherence = current()
    deadline = clock.monotonic() + seconds
    for question in form.questions():
        if form.key_text:
            state = coherence.peek(question, form.parsed).state
            there = int(state is not CellState.ABSENT)
            yield Planned(access=question.name, entries=short(state), code=str(there))
        elif not is_shared:
            yield Planned(access=question.name, entries=_("unknown"), code="")
        else:
            counted = count(coherence, question, most=COUNTED, deadline=deadline)
            code = "" if counted.is_cut else str(counted.there)
            yield Planned(access=question.name, entries=_counted(counted), code=code)


def _counted(counted: Count) -> str:
    if not counted.is_cut:
        return number(counted.there)
    if not counted.there:
        return _("not counted in time")
    return _("%(count)s or more") % {"count": number(counted.there)}


def _text(done: list[Forgotten]) -> str:
    """Return what was forgotten, as a sentence."""
    if any(one.entries is None for one in done):
        return _(
            "Forgotten in every process: without Redis one number vouches for all entries."
        )
    entries = sum(one.entries or 0 for one in done)
    names = ", ".join(" / ".join(filter(None, (one.access, one.key))) for one in done)
    text = ngettext(
        "%(count)s entry was forgotten: %(names)s.",
        "%(count)s entries were forgotten: %(names)s.",
        entries,
    )
    return text % {"count": number(entries), "names": names}
