"""Condition form: one condition as a row, path, comparison and value beside each other."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from workflow_engine import registry
from workflow_engine.admin.placed_errors import PlacedErrors
from workflow_engine.admin.schema_fields import JSONText, as_json
from workflow_engine.admin.wording import label_of
from workflow_engine.models import Condition

#: The columns that hold a part of the configuration, beside "more" for the rest.
PARTS: Final = ("path", "value")
_BREAKS: Final = re.compile(r"[\r\n]")  # a field of one line loses them
_PATH_CHARACTERS: Final = 20
_VALUE_CHARACTERS: Final = 12


class ConditionForm(PlacedErrors, forms.ModelForm):  # type: ignore[type-arg] # no subscript at run time
    """Most conditions are a path, a comparison and a value; the rest is JSON."""

    path = forms.CharField(
        required=False,
        label=_("Path"),
        help_text=_("Where to look, such as data.amount, subject or detection.change."),
        widget=forms.TextInput(attrs={"size": _PATH_CHARACTERS, "spellcheck": "false"}),
    )
    type = forms.ChoiceField(label=_("Comparison"))
    value = forms.CharField(
        required=False,
        label=_("Value"),
        strip=False,
        help_text=_('5 is a number, "5" a text; other texts need no quotes.'),
        widget=forms.TextInput(
            attrs={"size": _VALUE_CHARACTERS, "spellcheck": "false"}
        ),
    )
    more = JSONText(
        required=False,
        label=_("More"),
        help_text=_("Other keys of the comparison as a JSON object; see below."),
        widget=forms.TextInput(
            attrs={"size": _VALUE_CHARACTERS, "spellcheck": "false"}
        ),
    )

    class Meta:
        model = Condition
        fields = ("type", "result")

    def __init__(self, *args: Any, role: str = "when", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if field.label:  # a table has no label beside each field
                field.widget.attrs["aria-label"] = field.label
        types: Any = self.fields["type"]
        types.choices = type_choices(role, self.instance.type)
        rest = self.instance.config
        rest = dict(rest) if isinstance(rest, dict) else {}
        path = rest.get("path")
        if isinstance(path, str) and path == path.strip():
            self.initial["path"] = rest.pop("path")
        if "value" in rest:
            text = written(self.instance.type, rest["value"])
            if text:
                self.initial["value"] = text
                del rest["value"]
        if rest:
            self.initial["more"] = as_json(rest)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        config: dict[str, Any] = {}
        for part in PARTS:
            text = self.cleaned_data.get(part, "")
            if text:
                config[part] = text
        if "value" in config:
            config["value"] = read(self.cleaned_data.get("type", ""), config["value"])
        more = json.loads(self.cleaned_data.get("more") or "{}")
        if not isinstance(more, dict):
            self.add_error("more", _('Write a JSON object, such as {"as": "number"}.'))
            more = {}
        self.instance.config = {**config, **more}
        return cleaned

    def place_error(self, name: str, error: ValidationError) -> None:
        place = name
        if name == "config":
            key = error.messages[0].partition(":")[0].partition(".")[0]
            place = key if key in PARTS else _named_part(error.messages[0])
        if name == "type" and "type" in self.errors:
            return  # nothing was chosen, which has been said
        super().add_error(place if place in self.fields else None, error)


def _named_part(message: str) -> str:
    """Return the column of a key that a sentence says is missing, else "more"."""
    named = (part for part in PARTS if message.startswith(f"config: '{part}'"))
    return next(named, "more")


def type_choices(role: str, current: str) -> list[tuple[str, Any]]:
    """Return the condition types that may stand in a group of this role."""
    found = [
        (entry.slug, label_of(entry, entry.slug))
        for entry in registry.conditions
        if role in entry.roles or entry.slug == current
    ]
    if current and registry.conditions.get(current) is None:
        found.append((current, _("%(type)s (not registered)") % {"type": current}))
    return [("", "---------"), *found]


def _is_text(type_name: str) -> bool:
    """Say whether the value of a type is always a text."""
    entry = registry.conditions.get(type_name)
    described = entry.schema.get("properties", {}).get("value", {}) if entry else {}
    return isinstance(described, dict) and described.get("type") == "string"


def written(type_name: str, value: Any) -> str:
    """Return a value as it stands in the form; "" if `read` could not give it back."""
    plain = value if isinstance(value, str) else ""
    for text in (plain, as_json(value)):
        if text and not _BREAKS.search(text) and read(type_name, text) == value:
            return text
    return ""


def read(type_name: str, text: str) -> Any:
    """Return what was written: JSON if it is JSON, else the text itself."""
    if _is_text(type_name):
        return text
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are no JSON
