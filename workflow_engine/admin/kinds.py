"""Kind: a row whose fields depend on its kind, which is chosen before it is added."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.forms import Media
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from workflow_engine.admin.base import STYLE
from workflow_engine.admin.config_form import (
    ConfigForm,
    config_fields,
    form_class,
)
from workflow_engine.admin.rules import RuleAdmin
from workflow_engine.admin.wording import label_of, title_of, value_text
from workflow_engine.processing.redact import redact
from workflow_engine.registry import Registry

KIND: Final = "kind"


class KindAdmin(RuleAdmin):
    """Draws the configuration from the schema of the kind.

    The first page of adding one is the list of kinds; `?kind=` names the chosen one.

    Attributes:
        kinds: The registry of the kinds.
        head: Fields above the configuration.
        choose_title: Heading of the list of kinds.
    """

    form = ConfigForm
    kinds: ClassVar[Registry[Any]]
    head: ClassVar[tuple[str, ...]] = ()
    choose_title: Any = ""

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if self.kinds.get(self._chosen(request)) is None:
            return self._choose_view(request)
        return super().add_view(request, form_url, extra_context)

    def _chosen(self, request: HttpRequest) -> str:
        return request.GET.get(KIND, "")

    def _choose_view(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": self.choose_title,
            "opts": self.opts,
            "kinds": [
                (entry.slug, label_of(entry, entry.slug), self._about(entry))
                for entry in self.kinds
            ],
            "media": Media(css={"all": [STYLE]}),
        }
        template = "admin/workflow_engine/choose_kind.html"
        return TemplateResponse(request, template, context)

    @staticmethod
    def _about(entry: Any) -> str:
        described: str = entry.schema.get("description", "")
        return described

    def get_changeform_initial_data(self, request: HttpRequest) -> Any:
        initial: Any = super().get_changeform_initial_data(request)
        initial.pop(KIND, None)
        return initial

    def kind_of(self, request: HttpRequest, obj: Any) -> str:
        """Return the kind of the row, or the one chosen for a new row."""
        return self._chosen(request) if obj is None else str(obj.kind)

    def get_form(self, request: Any, obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        kind = self.kind_of(request, obj)
        kwargs["form"] = form_class(ConfigForm, kind=kind, entry=self.kinds.get(kind))
        return super().get_form(request, obj, *args, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        kind = self.kind_of(request, obj)
        entry = self.kinds.get(kind)
        is_editor = obj is None or self.has_change_permission(request, obj)
        fields = tuple(config_fields(entry)) if is_editor else ("config_shown",)
        return [
            (None, {"fields": self.head}),
            (capfirst(label_of(entry, kind)), {"fields": ("kind_shown", *fields)}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("kind_shown", "config_shown", *self.readonly_fields)

    @admin.display(description=_("kind"))
    def kind_shown(self, row: Any) -> str:
        entry = self.kinds.get(row.kind)
        if entry is None:
            return _("%(kind)s (not registered)") % {"kind": row.kind}
        about = self._about(entry)
        label = label_of(entry, row.kind)
        return format_html("{}: {}", label, about) if about else label

    @admin.display(description=_("configuration"))
    def config_shown(self, row: Any) -> str:
        entry = self.kinds.get(row.kind)
        config = redact(row.config)
        if not isinstance(config, dict):
            return value_text(config)
        lines = ((title_of(entry, k), value_text(v)) for k, v in config.items())
        return format_html(
            '<dl class="wfe-config">{}</dl>',
            format_html_join("", "<dt>{}</dt><dd>{}</dd>", lines),
        )
