"""Question: a form that is sent back once with a sentence, and goes through the second time."""

from __future__ import annotations

from typing import Any, Final

from django.forms.models import ModelFormMetaclass
from django.http import HttpRequest

from workflow_engine.admin.base import PageAdmin

_QUESTION: Final = "workflow_engine.question"
_ANSWERS: Final = "workflow_engine.answers"


class Questions(PageAdmin):
    """Sends the form back with the question that was asked about this request."""

    def get_form(self, request: Any, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, *args, **kwargs)
        question = request.META.get(_QUESTION)
        if not question:
            return form
        namespace = {"__module__": form.__module__, "question": question}
        return ModelFormMetaclass(form.__name__, (_Asking, form), namespace)

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        answers = request.META.get(_ANSWERS, {})
        return {**super().page_context(request, obj), "answers": answers}


class _Asking:
    """A form that is refused with a question."""

    question: Any

    def clean(self) -> Any:
        cleaned = super().clean()  # type: ignore[misc] # of the form beside it
        self.add_error(None, self.question)  # type: ignore[attr-defined] # as above
        return cleaned


def ask(request: HttpRequest, question: Any) -> None:
    """Have the form of this request sent back with a question."""
    request.META[_QUESTION] = question


def keep(request: HttpRequest, name: str, value: str) -> None:
    """Have the page carry a hidden field, so that the next save knows what was seen."""
    request.META.setdefault(_ANSWERS, {})[name] = value
