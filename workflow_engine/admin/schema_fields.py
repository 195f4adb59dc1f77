"""Schema fields: form fields drawn from a JSON schema, and their values as JSON again.

A key that is left empty is not in the configuration.
"""

from __future__ import annotations

import json
from typing import Any, Final

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

LONG_CHARACTERS: Final = 300  # a text that may be longer has room for several lines
ABSENT: Final = object()  # what an empty field stands for: no such key


class JSONText(forms.CharField):
    """Any JSON value, written as JSON; a parse error is shown with its place."""

    widget: forms.Widget = forms.Textarea(
        attrs={"rows": 3, "cols": 60, "spellcheck": "false"}
    )

    def text_of(self, value: Any) -> str:
        """Return a value as it is written; `value_of` gives it back."""
        return as_json(value)

    def value_of(self, text: str) -> Any:
        """Return the value that was written; ABSENT for nothing."""
        return json.loads(text) if text else ABSENT

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            self.value_of(text)
        except ValueError as error:
            message = _("Not JSON: %(error)s.") % {"error": error}
            raise forms.ValidationError(message, code="json") from error
        return text


class NumberText(JSONText):
    """A number, kept as it was written: 5 stays whole."""

    widget = forms.TextInput(attrs={"inputmode": "decimal", "class": "vIntegerField"})


class PlainText(forms.CharField):
    """A text as it is, its spaces too."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, **kwargs)

    def text_of(self, value: Any) -> str:
        """Return a text as it is, and what should have been one as JSON."""
        return value if isinstance(value, str) else as_json(value)

    def value_of(self, text: str) -> Any:
        """Return the text, with the line ends that JSON keeps; ABSENT for nothing."""
        return text.replace("\r\n", "\n") if text else ABSENT


class LinesText(forms.CharField):
    """A list of texts, one in each line."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60})

    def text_of(self, value: Any) -> str:
        """Return a line for each."""
        return "\n".join(map(str, value)) if isinstance(value, list) else str(value)

    def value_of(self, text: str) -> Any:
        """Return the lines that are not empty; ABSENT for none."""
        return [line.strip() for line in text.splitlines() if line.strip()] or ABSENT


class ChoiceText(forms.ChoiceField):
    """One of a few JSON values; each is known by its JSON text."""

    def __init__(self, *, values: list[tuple[Any, Any]], **kwargs: Any) -> None:
        choices = [("", "---------"), *((as_json(v), label) for v, label in values)]
        super().__init__(choices=choices, **kwargs)

    def text_of(self, value: Any) -> str:
        """Return what stands for the value among the choices."""
        return as_json(value)

    def value_of(self, text: str) -> Any:
        """Return the chosen value; ABSENT for none."""
        return json.loads(text) if text else ABSENT


def as_json(value: Any) -> str:
    """Return a value as people would write it in JSON."""
    return json.dumps(value, ensure_ascii=False)


def field_of(key: str, schema: Any, *, required: bool) -> Any:
    """Return the form field of one key of a configuration."""
    described = schema if isinstance(schema, dict) else {}
    kwargs: dict[str, Any] = {
        "required": required,
        "label": described.get("title", key),
        "help_text": _help(described),
    }
    if "enum" in described:
        return ChoiceText(values=[(v, str(v)) for v in described["enum"]], **kwargs)
    return _typed(described, kwargs)


def _typed(schema: dict[str, Any], kwargs: dict[str, Any]) -> Any:
    match schema.get("type"):
        case "boolean":
            return ChoiceText(values=[(True, _("yes")), (False, _("no"))], **kwargs)
        case "integer" | "number":
            return NumberText(**kwargs)
        case "string":
            return _string(schema, kwargs)
        case "array" if _items_type(schema) == "string":
            return LinesText(**kwargs)
    kwargs["help_text"] = " ".join(
        str(part) for part in (kwargs["help_text"], _("Written as JSON.")) if part
    )
    return JSONText(**kwargs)


def _items_type(schema: dict[str, Any]) -> Any:
    items = schema.get("items")
    return (
        items.get("type") if isinstance(items, dict) and "enum" not in items else None
    )


def _string(schema: dict[str, Any], kwargs: dict[str, Any]) -> PlainText:
    if schema.get("maxLength", 0) > LONG_CHARACTERS:
        widget: forms.Widget = forms.Textarea(
            attrs={"rows": 6, "class": "vLargeTextField"}
        )
    else:
        widget = forms.TextInput(attrs={"class": "vTextField"})
    return PlainText(widget=widget, **kwargs)


def _help(schema: dict[str, Any]) -> str:
    parts: list[str | Promise] = []
    if schema.get("description"):
        parts.append(schema["description"])
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        parts.append(_("From %(low)s to %(high)s.") % {"low": low, "high": high})
    elif low is not None:
        parts.append(_("At least %(low)s.") % {"low": low})
    elif high is not None:
        parts.append(_("At most %(high)s.") % {"high": high})
    if schema.get("type") == "array" and _items_type(schema) == "string":
        parts.append(_("One in each line."))
    if "default" in schema:
        parts.append(_("Empty: %(value)s.") % {"value": as_json(schema["default"])})
    return " ".join(f"{str(part).rstrip('.')}." for part in parts)
