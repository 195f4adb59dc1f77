"""Config form: a row whose configuration is edited field by field, as its kind describes it."""

from __future__ import annotations

from typing import Any, ClassVar, Final, cast

from django import forms
from django.core.exceptions import ValidationError
from django.forms.models import ModelFormMetaclass
from django.utils.translation import gettext_lazy as _

from workflow_engine.admin.placed_errors import PlacedErrors
from workflow_engine.admin.schema_fields import ABSENT, JSONText, field_of
from workflow_engine.registry import Entry

PREFIX: Final = "config__"
OTHERS: Final = "config_others"  # keys that the schema does not name
NOT_AN_OBJECT: Final = _('Write a JSON object, such as {"key": "value"}.')


class ConfigForm(PlacedErrors, forms.ModelForm):  # type: ignore[type-arg] # no subscript at run time
    """Puts each key of the configuration into a field of its own.

    Errors of the configuration stand beside the field of their key.

    Attributes:
        kind: What a new row is of.
    """

    kind: ClassVar[str] = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk and self.kind:
            self.instance.kind = self.kind
        config = self.instance.config if isinstance(self.instance.config, dict) else {}
        others = dict(config)
        for name in self.fields:
            key = name.removeprefix(PREFIX)
            if key != name and key in config:
                self.initial[name] = text_of(self.fields[name], others.pop(key))
        if OTHERS in self.fields and others:
            self.initial[OTHERS] = text_of(self.fields[OTHERS], others)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        config: dict[str, Any] = {}
        for name, field in self.fields.items():
            if not (name.startswith(PREFIX) or name == OTHERS):
                continue
            value = self._value(name, field)
            if name == OTHERS and isinstance(value, dict):
                config |= value
            elif name != OTHERS and value is not ABSENT:
                config[name.removeprefix(PREFIX)] = value
        self.instance.config = config
        return cleaned

    def _value(self, name: str, field: Any) -> Any:
        if name not in self.cleaned_data:
            return ABSENT
        value = field.value_of(self.cleaned_data[name])
        if name == OTHERS and not (value is ABSENT or isinstance(value, dict)):
            self.add_error(name, ValidationError(NOT_AN_OBJECT, code="object"))
        return value

    def place_error(self, name: str, error: ValidationError) -> None:
        place = name
        if name == "config":
            place = f"{PREFIX}{self._key(error.messages[0])}"
            if place in self.fields and place in self.errors:
                return  # the field itself has said so
        if place not in self.fields:
            place = OTHERS if name == "config" and OTHERS in self.fields else ""
        super().add_error(place or None, error)

    def _key(self, message: str) -> str:
        """Return the key that a sentence is about, or that it says is missing."""
        keys = (name.removeprefix(PREFIX) for name in self.fields)
        missing = (key for key in keys if message.startswith(f"config: '{key}'"))
        named = message.partition(":")[0].partition(".")[0]
        return next(missing, named)


def text_of(field: Any, value: Any) -> str:
    """Return a value of the configuration as it stands in its field."""
    text: str = field.text_of(value)
    return text


def config_fields(entry: Entry | None) -> dict[str, Any]:
    """Return the fields of a kind by name; those of an unregistered one is one JSON text."""
    schema = entry.schema if entry else {}
    required = schema.get("required", [])
    fields = {
        f"{PREFIX}{key}": field_of(key, described, required=key in required)
        for key, described in schema.get("properties", {}).items()
    }
    if schema.get("additionalProperties") is not False:
        label = _("Other keys") if fields else _("Configuration")
        fields[OTHERS] = JSONText(
            required=False, label=label, help_text=_("A JSON object.")
        )
    return fields


def form_class(
    base: type[ConfigForm], *, kind: str, entry: Entry | None
) -> type[ConfigForm]:
    """Return a form with the fields of a kind."""
    namespace: dict[str, Any] = {**config_fields(entry), "kind": kind}
    namespace["__module__"] = base.__module__
    made: Any = ModelFormMetaclass(base.__name__, (base,), namespace)
    return cast("type[ConfigForm]", made)
