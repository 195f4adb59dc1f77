"""Choice: a foreign key as a list of its rows, read once for a whole page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django import forms
from django.contrib.admin.sites import AdminSite
from django.contrib.admin.widgets import ForeignKeyRawIdWidget
from django.db import models
from django.forms.models import ModelChoiceIterator
from django.http import HttpRequest

MOST_CHOICES: Final = 500  # beyond, a list is slower to use than the number of the row
_KEPT: Final = "workflow_engine.choices"


class _ReadOnce(ModelChoiceIterator):  # type: ignore[type-arg] # no subscript at run time
    """Yields what was read first."""

    field: ReadOnceField

    def __iter__(self) -> Iterator[Any]:
        yield ("", self.field.empty_label)
        for row in self.field.rows:
            yield self.choice(row)


class ReadOnceField(forms.ModelChoiceField):  # type: ignore[type-arg] # no subscript at run time
    """A choice among rows that were read before; its copies share them."""

    iterator = _ReadOnce

    def __init__(self, *, rows: list[Any], **kwargs: Any) -> None:
        self.rows = rows
        super().__init__(**kwargs)


def read_once_field(
    request: HttpRequest,
    db_field: models.Field[Any, Any],
    queryset: Any,
    admin_site: AdminSite,
) -> Any:
    """Return the form field of a foreign key: a list, or the row's number if that is long.

    The rows are read once in a request, however many fields ask for them.
    """
    kept = request.META.setdefault(_KEPT, {})
    if queryset.model not in kept:
        kept[queryset.model] = list(queryset[: MOST_CHOICES + 1])
    rows = kept[queryset.model]
    kwargs: dict[str, Any] = {
        "queryset": queryset,
        "label": db_field.verbose_name,
        "help_text": db_field.help_text,
        "required": not db_field.blank,
    }
    if len(rows) > MOST_CHOICES:
        relation: Any = db_field.remote_field
        widget = ForeignKeyRawIdWidget(relation, admin_site)
        return forms.ModelChoiceField(widget=widget, **kwargs)
    select = forms.Select(attrs={"aria-label": db_field.verbose_name})
    return ReadOnceField(rows=rows, widget=select, **kwargs)
