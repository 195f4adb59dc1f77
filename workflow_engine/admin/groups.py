"""Group: the conditions of one group, and what it carries, as parts of their owner's page.

Django's admin nests no inlines, so each group of the owner becomes inlines of its own; one
blank group of each sort is there to be filled in. A group appears with the first thing
filled in and goes with the last thing taken out.
"""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import admin
from django.contrib.admin.sites import AdminSite
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.formsets import DELETION_FIELD_NAME
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from workflow_engine.admin.base import may
from workflow_engine.admin.choices import read_once_field
from workflow_engine.admin.condition_form import ConditionForm
from workflow_engine.admin.wording import condition_text
from workflow_engine.models import Action, Condition, ConditionGroup, GroupAction

#: Rows to fill in: in a group that exists, and in a blank one.
EXTRA_ROWS: Final = 1
BLANK_ROWS: Final = 2


class LogicForm(forms.ModelForm):  # type: ignore[type-arg] # no subscript at run time
    """How the answers of the conditions become one."""

    class Meta:
        model = ConditionGroup
        fields = ("logic",)


class PartFormSet(BaseInlineFormSet):  # type: ignore[type-arg] # no subscript at run time
    """Rows that were read, in their order, together with the row they belong to."""

    def get_queryset(self) -> Any:
        if not hasattr(self, "_rows"):
            name = self.fk.remote_field.get_accessor_name()
            is_there = bool(self.instance.pk)
            self._rows = list(getattr(self.instance, name).all()) if is_there else []
        return self._rows

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        deletion = form.fields.get(DELETION_FIELD_NAME)
        if deletion is not None:  # it stands in a column, without a label of its own
            deletion.widget.attrs["aria-label"] = deletion.label


class GroupFormSet(PartFormSet):
    """Rows of one group; saved, they make the group if it is not there yet."""

    instance: ConditionGroup

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        if not self.instance.pk and self.has_changed():
            self.instance.save()
        return super().save(commit)

    def save_new(self, form: Any, commit: bool = True) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        self._last = 1 + getattr(self, "_last", self._last_position())
        form.instance.position = self._last
        return super().save_new(form, commit)

    def _last_position(self) -> int:
        return max((row.position for row in self.get_queryset()), default=-1)


class ConditionFormSet(GroupFormSet):
    """The conditions of one group, with its logic."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logic_form = LogicForm(
            self.data if self.is_bound else None,
            instance=self.instance,
            prefix=f"{self.prefix}-group",
        )

    def get_form_kwargs(self, index: int | None) -> dict[str, Any]:
        return {**super().get_form_kwargs(index), "role": self.instance.role}

    def clean(self) -> None:
        super().clean()
        if not self.logic_form.is_valid():
            raise ValidationError(
                [
                    str(one)
                    for errors in self.logic_form.errors.values()
                    for one in errors
                ]
            )

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        if self.instance.pk and self.logic_form.has_changed():
            self.instance.save(update_fields=["logic"])
        return super().save(commit)


class PartInline(admin.TabularInline):  # type: ignore[type-arg] # no subscript at run time
    """An inline whose rows belong to the owner of the page, and so do the permissions."""

    owner_model: type[models.Model]
    classes = ("wfe-rows",)

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: Any, **kwargs: Any
    ) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None:  # a table has no label beside each field
            field.widget.attrs.setdefault("aria-label", field.label)
        return field

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request, "view", self.owner_model) or self._may_write(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_write(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_write(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may_write(request, obj)

    def _may_write(self, request: HttpRequest, owner: Any) -> bool:
        return may(request, "change", self.owner_model) or (
            owner is None and may(request, "add", self.owner_model)
        )


class GroupInline(PartInline):
    """One table of one group."""

    title: Any = ""

    def __init__(
        self,
        owner_model: type[models.Model],
        admin_site: AdminSite,
        *,
        group: ConditionGroup,
        prefix: str,
        titles: tuple[Any, Any],
    ) -> None:
        """Show the rows of `group`; `titles` are of the group and of this table."""
        self.owner_model = owner_model
        self.group = group
        self.prefix = prefix
        self.title, self.verbose_name_plural = titles
        self.extra = EXTRA_ROWS if group.pk else BLANK_ROWS
        super().__init__(ConditionGroup, admin_site)


class ConditionInline(GroupInline):
    """The conditions of a group."""

    model = Condition
    form = ConditionForm
    formset = ConditionFormSet
    fk_name = "group"
    template = "admin/workflow_engine/conditions_inline.html"
    verbose_name = _("condition")

    @property
    def logic_help(self) -> Any:
        """What the logic means, and how a group goes."""
        if not self.group.pk:
            return _("Without a condition everything passes.")
        return _("A group goes with its last row.")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        result = ("result",) if reads_results(self.group) else ()
        if not self.has_change_permission(request, obj):
            return ("sentence", *result)
        return ("path", "type", "value", "more", *result)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if self.has_change_permission(request, obj) else ("sentence",)

    @admin.display(description=_("condition"))
    def sentence(self, condition: Condition) -> str:
        return condition_text(condition.type, condition.config)


class CarriedInline(GroupInline):
    """The actions that an if-group carries."""

    model = GroupAction
    formset = GroupFormSet
    fk_name = "group"
    fields = ("action", "delay", "on_resolve")
    verbose_name = _("action to carry out")

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: Any, **kwargs: Any
    ) -> Any:
        if db_field.name == "action" and self.has_change_permission(request):
            rows = Action.objects.order_by("slug")
            return read_once_field(request, db_field, rows, self.admin_site)
        return super().formfield_for_dbfield(db_field, request, **kwargs)


def reads_results(group: ConditionGroup) -> bool:
    """Say whether a priority may be written on the conditions of a group."""
    return group.detector is not None and group.detector.kind == "event"
