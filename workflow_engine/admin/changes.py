"""Change: what the history of a row says of an edit, with old and new value."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.utils import timezone
from django.utils.text import Truncator, capfirst
from django.utils.translation import override

from workflow_engine.admin.wording import value_text
from workflow_engine.processing.redact import redact

SHOWN_CHARACTERS: Final = 200  # of one value


def changed_field(field: Any, old: Any, new: Any) -> str:
    """Return "Interval: 1800 → 600"; secrets are left out."""
    label = str(capfirst(getattr(field, "verbose_name", None) or field.label or ""))
    return f"{label}: {_shown(old)} → {_shown(new)}"


def describe(form: Any) -> list[str]:
    """Return a text per changed field of a bound form, in the language of the log."""
    with override(None):
        return [
            changed_field(
                form.fields[name],
                _labelled(name, form.initial.get(name, form.fields[name].initial)),
                _labelled(name, form.cleaned_data.get(name)),
            )
            for name in form.changed_data
        ]


def _labelled(name: str, value: Any) -> Any:
    """Return a value without what stands under the key of a secret."""
    kept = redact({name: getattr(value, "pk", value)})
    return kept[name] if isinstance(kept, dict) else kept


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S %Z}"
    if value is None or value == "":
        return "-"
    text = value if isinstance(value, str) else value_text(redact(value))
    return Truncator(text).chars(SHOWN_CHARACTERS)


def with_values(message: list[dict[str, Any]], form: Any, formsets: Any) -> None:
    """Replace names of changed fields by texts with old and new value, in place.

    `message` is what Django says of the same form and formsets, in the same order.
    """
    forms = [form] if form.changed_data else []
    for formset in formsets:
        by_pk = {one.instance.pk: one for one in formset.initial_forms}
        forms += [by_pk[row.pk] for row, _names in formset.changed_objects]
    entries = [entry["changed"] for entry in message if "changed" in entry]
    for entry, changed in zip(entries, forms, strict=False):
        entry["fields"] = describe(changed)
