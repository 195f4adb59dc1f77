"""Base: what every list and page of ours has in common."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from workflow_engine.author import authored

STYLE = "workflow_engine/admin.css"


class PageAdmin(admin.ModelAdmin):  # type: ignore[type-arg] # no subscript at run time
    """A list that is quick, and that says what to do next while it is empty.

    What is changed by way of the page is said to be changed by the user: see `author`.

    Attributes:
        empty_state: The sentence shown in place of rows.
    """

    list_per_page = 50
    show_full_result_count = False
    change_list_template = "admin/workflow_engine/change_list.html"
    empty_state: Any = _("Nothing here yet.")

    class Media:
        css = {"all": [STYLE]}

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"empty_state": self.empty_state, **(extra_context or {})}
        with by_user(request):
            return super().changelist_view(request, context)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> HttpResponse:
        with by_user(request):
            return super().changeform_view(request, object_id, *args, **kwargs)

    def delete_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        with by_user(request):
            return super().delete_view(request, object_id, *args, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        parts = getattr(getattr(field, "widget", None), "widgets", ())
        for part, what in zip(parts, (_("date"), _("time")), strict=False):
            part.attrs["aria-label"] = (
                f"{field.label}: {what}"  # of two, none has a label
            )
        return field

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """Return what the page of a row shows beside its fields; `obj` None = a new row."""
        return {}

    def render_change_form(
        self, request: Any, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        context |= self.page_context(request, kwargs.get("obj"))
        return super().render_change_form(request, context, *args, **kwargs)


def by_user(request: HttpRequest) -> AbstractContextManager[None]:
    """Return a context in which whatever is changed is changed by the user."""
    return authored(request.user.get_username())


def may(request: HttpRequest, verb: str, model: type[models.Model]) -> bool:
    """Say whether the user has the model permission `verb`: view, add, change or delete."""
    options = model._meta
    name = f"{options.app_label}.{verb}_{options.model_name}"
    return bool(request.user.has_perm(name))
