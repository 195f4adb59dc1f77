"""Rule: what the pages of all rules have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest

from workflow_engine.admin.changes import with_values
from workflow_engine.admin.comparisons import comparisons_of
from workflow_engine.admin.condition_form import ConditionForm
from workflow_engine.admin.deletions import CountsDeletions
from workflow_engine.admin.edits import NoticesEdits
from workflow_engine.admin.groups import GroupFormSet, GroupInline


class RuleAdmin(NoticesEdits):
    """Keeps old and new values in the history of the row."""

    change_form_template = "admin/workflow_engine/rule_form.html"

    def construct_change_message(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        add: bool = False,  # noqa: FBT001, FBT002 - Django's signature
    ) -> Any:
        message: Any = super().construct_change_message(request, form, formsets, add)
        if not add:
            with_values(message, form, formsets)
        return message


class GroupOwner(CountsDeletions, RuleAdmin):
    """A rule that owns condition groups, which are edited on its page."""

    def group_inlines(self, request: HttpRequest, obj: Any) -> list[GroupInline]:
        """Return the inlines of every group in reading order, blank ones at the end."""
        raise NotImplementedError

    #: Roles of the groups it owns.
    group_roles: ClassVar[frozenset[str]] = frozenset()

    def adopt(self, group: Any, owner: Any) -> None:
        """Make `owner` the owner of a group that is not saved yet."""
        raise NotImplementedError

    def get_inline_instances(self, request: HttpRequest, obj: Any = None) -> Any:
        inlines = super().get_inline_instances(request, obj)
        for inline in self.group_inlines(request, obj):
            if not inline.has_view_or_change_permission(request, obj):
                continue
            if not inline.has_add_permission(request, obj):
                if not inline.group.pk:
                    continue
                inline.max_num = 0
            inlines.append(inline)
        return inlines

    def get_formset_kwargs(
        self, request: HttpRequest, obj: Any, inline: Any, prefix: str
    ) -> dict[str, Any]:
        if not isinstance(inline, GroupInline):
            return super().get_formset_kwargs(request, obj, inline, prefix)
        if not inline.group.pk:
            self.adopt(inline.group, obj)
        kwargs = super().get_formset_kwargs(request, obj, inline, inline.prefix)
        if "data" in kwargs and f"{inline.prefix}-TOTAL_FORMS" not in request.POST:
            # Made by somebody else since the page was opened: shown, not judged.
            kwargs = {"prefix": inline.prefix, "queryset": kwargs["queryset"]}
        return {**kwargs, "instance": inline.group}

    def save_formset(self, request: Any, form: Any, formset: Any, change: Any) -> None:
        if isinstance(formset, GroupFormSet) and not formset.instance.pk:
            self.adopt(formset.instance, form.instance)
        super().save_formset(request, form, formset, change)

    def save_related(self, request: Any, form: Any, formsets: Any, change: Any) -> None:
        super().save_related(request, form, formsets, change)
        empty = form.instance.groups.filter(conditions=None, carried=None)
        empty.delete()

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        context = super().page_context(request, obj)
        fields = ConditionForm.base_fields.values()
        return {
            **context,
            "comparisons": comparisons_of(self.group_roles),
            "condition_help": [(f.label, f.help_text) for f in fields if f.help_text],
        }
