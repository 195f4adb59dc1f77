"""Wording: a configuration in words, with the labels that its schema brings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from workflow_engine import registry
from workflow_engine.registry import ConditionEntry, Entry

_BETWEEN: Final = {"low", "high"}


def value_text(value: Any) -> str:
    """Return a value as JSON; a list without its brackets, since the label says "one of"."""
    if isinstance(value, list):
        return ", ".join(value_text(one) for one in value) or "[]"
    return json.dumps(value, ensure_ascii=False, default=str)


def label_of(entry: Entry | None, slug: str) -> str:
    """Return the name for people of a registered handler, or the slug."""
    return (entry.label if entry else "") or slug.replace("_", " ")


def title_of(entry: Entry | None, key: str) -> str:
    """Return the title that the schema gives a key, or the key."""
    properties = entry.schema.get("properties", {}) if entry else {}
    described = properties.get(key)
    return str(described.get("title", key)) if isinstance(described, dict) else key


def condition_text(type_name: str, config: Any) -> str:
    """Return a condition as a sentence: "data.failed is at least 5"."""
    entry: ConditionEntry | None = registry.conditions.get(type_name)
    rest = dict(config) if isinstance(config, Mapping) else {}
    path = rest.pop("path", "")
    words = [str(path), label_of(entry, type_name), wanted_text(entry, rest)]
    return " ".join(word for word in words if word)


def wanted_text(entry: Entry | None, rest: Mapping[str, Any]) -> str:
    """Return what is wanted: the value alone, or every key with its title."""
    if rest.keys() >= _BETWEEN:
        shown = _("%(low)s and %(high)s") % {
            "low": value_text(rest["low"]),
            "high": value_text(rest["high"]),
        }
    elif "value" in rest:
        shown = value_text(rest["value"])
    else:
        shown = ""
    others = [
        f"{title_of(entry, key)}: {value_text(value)}"
        for key, value in rest.items()
        if key != "value" and not (key in _BETWEEN and shown)
    ]
    more = f"({', '.join(others)})" if others else ""
    return " ".join(part for part in (shown, more) if part)
