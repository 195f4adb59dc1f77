"""Every event: which rules would match everything, and the second save they ask for."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Exists, OuterRef, Q
from django.forms.models import ModelFormMetaclass
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from workflow_engine.admin.base import PageAdmin
from workflow_engine.models import Condition, ConditionGroup

#: Name of the hidden field that says the question was read.
READ: Final = "_every_event"
_QUESTION: Final = "workflow_engine.question"


def unlimited_workflows(workflows: Any) -> Any:
    """Annotate workflows with `acts_always`: no condition stands before an action."""
    conditions = Condition.objects.filter(group__workflow=OuterRef("pk"))
    open_ifs = ConditionGroup.objects.filter(
        ~Exists(Condition.objects.filter(group=OuterRef("pk"))),
        role="if",
        workflow=OuterRef("pk"),
        carried__isnull=False,
    )
    return workflows.annotate(
        acts_always=Exists(open_ifs) & ~Exists(conditions.filter(group__role="when"))
    )


def unlimited_detectors(detectors: Any) -> Any:
    """Annotate detectors with `takes_all`: every type, any source, no trigger condition."""
    conditions = Condition.objects.filter(group__detector=OuterRef("pk"))
    return detectors.annotate(
        takes_all=Q(event_type="*", source="") & ~Exists(conditions)
    )


class SecondSave(Exception):
    """A saved row would match every event; everything is undone and the user asked."""


class AsksAgain(PageAdmin):
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
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        was_read = READ in request.POST
        context = {**(extra_context or {}), "question_read": READ if was_read else ""}
        try:
            return super().changeform_view(request, object_id, form_url, context)
        except SecondSave:
            request.META[_QUESTION] = True
            context["question_read"] = READ
            return super().changeform_view(request, object_id, form_url, context)

    def save_related(self, request: Any, form: Any, formsets: Any, change: Any) -> None:
        was = bool(getattr(form, "matched_every_event", False))
        super().save_related(request, form, formsets, change)
        if READ in request.POST or was:
            return
        if self.matches_every_event(form.instance.pk):
            raise SecondSave

    def save_model(self, request: Any, obj: Any, form: Any, change: Any) -> None:
        if change:
            form.matched_every_event = self.matches_every_event(obj.pk)
        super().save_model(request, obj, form, change)

    def get_form(self, request: Any, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, *args, **kwargs)
        if not request.META.get(_QUESTION):
            return form
        namespace = {
            "__module__": form.__module__,
            "question": self.every_event_question,
        }
        return ModelFormMetaclass(form.__name__, (_Asking, form), namespace)


class _Asking:
    """A form that is refused with a question."""

    question: Any

    def clean(self) -> Any:
        cleaned = super().clean()  # type: ignore[misc] # of the form beside it
        self.add_error(None, self.question)  # type: ignore[attr-defined] # as above
        return cleaned
