"""Edit: of two people who edit one rule, the later one is shown what the other changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from workflow_engine import clock
from workflow_engine.admin.questions import Questions, ask, keep

#: Name of the hidden field that says as of when the page was read.
SEEN: Final = "_seen"
MOST_EDITS: Final = 5  # named in the question


class NoticesEdits(Questions):
    """Sends the form back when the row was saved since the page was opened.

    Every save of a page writes the row itself, so its moment stands for all its parts.
    """

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> HttpResponse:
        seen = request.POST.get(SEEN, "")
        if object_id is not None and seen:
            pk = unquote(object_id)
            saved_at = self._saved_at(pk)
            keep(request, SEEN, saved_at)
            if saved_at and saved_at != seen:
                ask(request, self._what_happened(pk, seen))
        return super().changeform_view(request, object_id, *args, **kwargs)

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        if obj is not None and request.method == "GET":
            keep(request, SEEN, obj.updated_at.isoformat())
        return super().page_context(request, obj)

    def _saved_at(self, pk: str) -> str:
        rows: Any = self.model._default_manager.filter(pk=pk)
        found = rows.values_list("updated_at", flat=True).first()
        return found.isoformat() if found else ""

    def _what_happened(self, pk: str, seen: str) -> str:
        entries = LogEntry.objects.filter(
            content_type__app_label=self.opts.app_label,
            content_type__model=self.opts.model_name,
            object_id=pk,
            action_time__gte=_moment(seen),
        ).select_related("user")[:MOST_EDITS]
        edits = [f"{one.user}: {one.get_change_message()}" for one in entries]
        return _(
            "This was changed since you opened the page. %(edits)s Below is what you "
            "typed; save again to write it over that."
        ) % {"edits": " ".join(edits)}


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return clock.now()  # not of our making; there is no edit to name
    return moment if moment.tzinfo else clock.now()
