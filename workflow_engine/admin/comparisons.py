"""Comparison: what each condition type takes, as help beside the conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflow_engine import registry
from workflow_engine.admin.wording import label_of
from workflow_engine.registry import ConditionEntry


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One condition type in words."""

    label: str
    takes: str
    may_take: str


def comparisons_of(roles: frozenset[str]) -> list[Comparison]:
    """Return the types that may stand in a group of one of these roles."""
    return [_comparison(entry) for entry in registry.conditions if entry.roles & roles]


def _comparison(entry: ConditionEntry) -> Comparison:
    required = entry.schema.get("required", [])
    keys = entry.schema.get("properties", {})
    label = label_of(entry, entry.slug)
    return Comparison(
        label=label if label == entry.slug else f"{label} ({entry.slug})",
        takes=", ".join(_key(key, keys[key]) for key in keys if key in required),
        may_take=", ".join(_key(key, keys[key]) for key in keys if key not in required),
    )


def _key(key: str, schema: Any) -> str:
    described = schema if isinstance(schema, dict) else {}
    words = [key]
    if "enum" in described:
        words.append(" / ".join(map(str, described["enum"])))
    elif "title" in described and described["title"].lower() != key:
        words.append(described["title"])
    return words[0] if len(words) == 1 else f"{words[0]}: {words[1]}"
