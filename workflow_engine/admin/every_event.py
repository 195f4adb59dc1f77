"""Every event: rules that would match everything ask for a second save."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from workflow_engine.admin.questions import Questions, ask, keep

#: Name of the hidden field that says the question was read.
READ: Final = "_every_event"


class SecondSave(Exception):
    """A saved row would match every event; everything is undone and the user asked."""


class AsksAgain(Questions):
    """Undoes a save that makes a rule match every event, unless the user saves again.

    What counts is the rows as they are saved, so that the question needs no second copy of
    the rule.
    """

    every_event_question: Any = _(
        "This would match every event. If that is what you want, save again."
    )

    def matches_every_event(self, pk: Any) -> bool:
        """Say whether the row, as it is in the database, matches every event."""
        raise NotImplementedError

    def changeform_view(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if READ in request.POST:
            keep(request, READ, "1")
        try:
            return super().changeform_view(request, *args, **kwargs)
        except SecondSave:
            ask(request, self.every_event_question)
            keep(request, READ, "1")
            return super().changeform_view(request, *args, **kwargs)

    def save_model(self, request: Any, obj: Any, form: Any, change: Any) -> None:
        form.matched_every_event = change and self.matches_every_event(obj.pk)
        super().save_model(request, obj, form, change)

    def save_related(self, request: Any, form: Any, formsets: Any, change: Any) -> None:
        super().save_related(request, form, formsets, change)
        if READ in request.POST or form.matched_every_event:
            return
        if self.matches_every_event(form.instance.pk):
            raise SecondSave
