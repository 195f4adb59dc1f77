"""Verifying: some entries of each access compared with the database, while one waits."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    QueryDict,
)
from django.urls import URLPattern
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from workflow_engine.admin.base import by_user
from workflow_engine.admin.cache.addresses import address, entry_url, page_url
from workflow_engine.admin.cache.inspector import PATIENCE_SECONDS
from workflow_engine.admin.cache.noting import newest, note, told_away
from workflow_engine.admin.moments import moment
from workflow_engine.admin.standing import StandingAdmin
from workflow_engine.caches import declared
from workflow_engine.caches.coherence import current
from workflow_engine.caches.verifier import Verdict
from workflow_engine.conf import options
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.inspection.keys import AnyQuestion
from workflow_engine.inspection.verifying import (
    UNREADABLE,
    Findings,
    Limits,
    verify_some,
)

#: Of each access; four times as many take about 0.1 s beside a server on the same machine.
SAMPLE_ENTRIES: Final = 100

#: A request may take so long, and one grace period.
LIMITS: Final = Limits(
    most=SAMPLE_ENTRIES, seconds=10, most_wait_seconds=PATIENCE_SECONDS
)

#: Entries that a message names; the history names them all.
MOST_LINKS: Final = 10


class VerifyingMixin(StandingAdmin):
    """A page below that of the look-ups, for who may change it."""

    verifying_template = "admin/workflow_engine/cache_verify.html"
    verifying_limits = LIMITS

    def own_urls(self) -> list[URLPattern]:
        page = address(self, "verify", self.verify_view, "verify/")
        return [*super().own_urls(), page]

    def verify_view(self, request: HttpRequest) -> HttpResponse:
        """Show what would be compared, and what came of it before; compare when asked to."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            return self._verify(request, _chosen(request.POST))
        chosen = _chosen(request.GET)
        context: dict[str, Any] = {
            "title": _("Verify entries"),
            "access": chosen.name if chosen else "",
            "accesses": [chosen.name] if chosen else [one.name for one in declared],
            "limits": self.verifying_limits,
            "grace_seconds": options.CACHE_VERIFY_GRACE_SECONDS,
            "is_shared": options.CACHE_ALIAS is not None,
            "back_url": page_url(self, "changelist"),
            "done": [(moment(one.action_time), one) for one in newest(self)],
        }
        return self.respond(request, self.verifying_template, context)

    def _verify(self, request: HttpRequest, chosen: AnyQuestion | None) -> HttpResponse:
        questions = [chosen] if chosen else list(declared)
        try:
            with by_user(request):
                found = verify_some(current(), questions, self.verifying_limits)
        except CacheUnavailable as error:
            text = _("The cache was not reached, and nothing more verified: %(why)s.")
            self.message_user(request, text % {"why": told_away(error)}, messages.ERROR)
        else:
            about = chosen.name if chosen else "every access"
            self._tell_verified(request, about, found)
        return HttpResponseRedirect(page_url(self, "verify"))

    def _tell_verified(self, request: HttpRequest, about: str, found: Findings) -> None:
        bad = bool(found.stale or found.undecided)
        is_short = found.is_cut or found.left
        level = messages.WARNING if bad or is_short else messages.SUCCESS
        self.message_user(request, self._shown(found), level)
        with override(None):
            text = " ".join([summary(found), *_named(found)])
        extra = {"action": "verify_by_hand", **found.json()}
        note(request, self, about=about, text=text, extra=extra)

    def _shown(self, found: Findings) -> str:
        """Return the summary with a link to each entry that wants a look."""
        entries = [*found.stale, *found.undecided][:MOST_LINKS]
        if not entries:
            return summary(found)
        links = format_html_join(
            ", ",
            '<a href="{}">{} / {}</a>',
            ((entry_url(self, access, key), access, key) for access, key in entries),
        )
        return format_html("{} {}: {}", summary(found), _("Look at"), links)


def _chosen(given: QueryDict) -> AnyQuestion | None:
    """Return the access that is asked for; None: all of them."""
    return declared.named(given.get("access", ""))


def summary(found: Findings) -> str:
    """Return what came of it, in sentences."""
    of = found.verdicts
    facts = {
        "verified": found.verified,
        "there": found.there,
        "equal": of[Verdict.EQUAL],
        "stale": of[Verdict.STALE],
        "moved": found.moved,
        "unreadable": of[UNREADABLE],
    }
    said = [
        _(
            "Verified %(verified)d of %(there)d entries: %(equal)d equal, "
            "%(stale)d stale, %(moved)d moved meanwhile, %(unreadable)d unreadable."
        )
        % facts
    ]
    if found.stale:
        said.append(_("What was stale is forgotten now."))
    if found.undecided:
        text = ngettext(
            "%(count)d differs and nobody waited to look again: a write may be under way.",
            "%(count)d differ and nobody waited to look again: a write may be under way.",
            len(found.undecided),
        )
        said.append(text % {"count": len(found.undecided)})
    if found.left:
        text = _("The time ran out: %(count)d more were to be compared.")
        said.append(text % {"count": found.left})
    if found.is_cut:
        said.append(
            _("The time ran out before all entries were looked for: there may be more.")
        )
    if found.nameless:
        text = _("%(count)d cannot be compared: no row leads to their keys.")
        said.append(text % {"count": found.nameless})
    return " ".join(said)


def _named(found: Findings) -> list[str]:
    """Return what is stale or differs, by name, for the history."""
    named = [(f"{access} / {key}") for access, key in (*found.stale, *found.undecided)]
    return [f"{', '.join(named)}."] if named else []
