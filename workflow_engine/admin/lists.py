"""List: the rows of one page, read together, and marks beside them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from workflow_engine.admin.moments import EMPTY


class RowsChangeList(ChangeList):
    """A list whose columns need more than the rows, read once for the whole page."""

    model_admin: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.model_admin.list_queryset(self.result_list))
        self.complete(rows)
        self.result_list = rows

    def complete(self, rows: list[Any]) -> None:
        """Add to the rows what their columns need."""


def marks(*claims: tuple[Any, Any]) -> str:
    """Return the words of the claims that hold, each with a mark; "" when none does."""
    held = ((words,) for holds, words in claims if holds)
    return format_html_join(" ", '<span class="wfe-mark">! {}</span>', held)


@admin.display(description=_("error"))
def error_mark(_page: Any, row: Any) -> str:
    """Return a mark for a row behind which an error stands, as a column of a page."""
    return marks((row.has_error, _("error"))) or EMPTY
