"""History: lists and pages of rows that nobody edits, quick at ten million of them.

A list never counts. It begins with the newest row by key and goes on by key; unless asked
otherwise it looks at the newest rows only, so that a filter that finds nothing ends soon.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar, Final

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Max
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from workflow_engine import clock
from workflow_engine.admin.base import PageAdmin

#: Rows by key that a filter looks at; a scan of as many takes some tens of milliseconds.
NEWEST_ROWS: Final = 100_000
BEFORE: Final = "id__lt"

_ONE_RULE: Final = frozenset({"workflow__id__exact", "action__id__exact"})
_WINDOWS: Final = {
    "1h": (timedelta(hours=1), _("last hour")),
    "8h": (timedelta(hours=8), _("last 8 hours")),
    "24h": (timedelta(hours=24), _("last 24 hours")),
    "7d": (timedelta(days=7), _("last 7 days")),
}


class RecentFilter(admin.SimpleListFilter):
    """How far back a list looks: the newest rows, a window of time, or everything."""

    title = _("how far back")
    parameter_name = "recent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        windows = [(name, label) for name, (_span, label) in _WINDOWS.items()]
        return [*windows, ("all", _("everything (may take long)"))]

    def choices(self, changelist: Any) -> Any:
        for number, choice in enumerate(super().choices(changelist)):
            if number == 0:
                choice["display"] = _("the newest 100 000")
            yield choice

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        chosen = self.value()
        if chosen == "all":
            return queryset
        if chosen in _WINDOWS:
            since = clock.now() - _WINDOWS[chosen][0]
            queryset = queryset.filter(**{f"{self.model_admin.time_field}__gte": since})
            if self.model_admin.is_time_indexed or self._is_of_one_rule:
                return queryset
        newest = queryset.model._default_manager.aggregate(newest=Max("pk"))["newest"]
        return queryset.filter(pk__gt=(newest or 0) - NEWEST_ROWS)

    def __init__(self, request: Any, params: Any, model: Any, model_admin: Any) -> None:
        self.model_admin = model_admin
        # With one of these an index leads to the rows of the window.
        self._is_of_one_rule = not _ONE_RULE.isdisjoint(request.GET)
        super().__init__(request, params, model, model_admin)


class UncountedPaginator(Paginator):  # type: ignore[type-arg] # no subscript at run time
    """One page of rows, and whether there are more; the count is that of the page."""

    @cached_property
    def rows(self) -> list[Any]:
        """The rows of the page and one more, if there is one."""
        return list(self.object_list[: self.per_page + 1])

    @cached_property
    def count(self) -> int:
        return min(len(self.rows), self.per_page)


class HistoryChangeList(ChangeList):
    """A page of rows by key, with the address of the next older one."""

    model_admin: Any
    older: str = ""
    newest: str = ""

    def get_results(self, request: HttpRequest) -> None:
        light = self.queryset.defer(*self.model_admin.heavy_fields)
        paginator = UncountedPaginator(light, self.list_per_page)
        rows = paginator.rows
        self.paginator = paginator
        self.result_list = rows[: self.list_per_page]
        self.result_count = self.full_result_count = paginator.count
        self.show_full_result_count = False
        self.show_admin_actions = bool(self.model_admin.actions and self.result_list)
        self.can_show_all = self.multi_page = False
        if len(rows) > self.list_per_page:
            last = self.result_list[-1].pk
            self.older = self.get_query_string({BEFORE: last})
        if BEFORE in self.params:
            self.newest = self.get_query_string(remove=[BEFORE])


class HistoryAdmin(PageAdmin):
    """Read-only.

    Attributes:
        time_field: The moment a window of time is about.
        is_time_indexed: Whether an index of its own leads to it.
        heavy_fields: What a list does not read.
    """

    change_list_template = "admin/workflow_engine/history_list.html"
    change_form_template = "admin/workflow_engine/history_page.html"
    show_facets = admin.ShowFacets.NEVER  # they count
    ordering = ("-pk",)
    sortable_by = ()
    actions = None
    time_field: ClassVar[str]
    is_time_indexed: ClassVar[bool] = False
    heavy_fields: ClassVar[tuple[str, ...]] = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return HistoryChangeList

    def get_list_filter(self, request: HttpRequest) -> Any:
        return (RecentFilter, *self.list_filter)

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        related = self.list_select_related
        return rows.select_related(*related) if isinstance(related, tuple) else rows

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
