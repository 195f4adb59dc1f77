"""Operand: the two sides of a comparison, what is at a path and what the rule wants there.

Both sides are read the same way: as the sort that `as` names, case-folded with
`ignore_case`, and otherwise as they are.
"""

from __future__ import annotations

from typing import Final

from workflow_engine.conditions.base import PATH_SCHEMA, path_problems
from workflow_engine.conditions.coercion import KINDS, coerce, fold, sort_of
from workflow_engine.exceptions import ConditionFailed
from workflow_engine.types.event import JSON
from workflow_engine.types.facts import Facts
from workflow_engine.types.paths import Missing

_WANTED: Final = ("value", "low", "high")


def schema_of(kinds: tuple[str, ...] = KINDS, **wanted: JSON) -> dict[str, JSON]:
    """Return the schema of an operator: the path, what it wants, and the options.

    Args:
        kinds: What `as` may name.
        **wanted: Schema of each required key beside the path.
    """
    return {
        "type": "object",
        "required": ["path", *wanted],
        "properties": {
            "path": PATH_SCHEMA,
            **wanted,
            "as": {"enum": list(kinds), "title": "Read as"},
            "ignore_case": {"type": "boolean", "title": "Ignore case"},
        },
        "additionalProperties": False,
    }


def found(facts: Facts, config: JSON) -> JSON | Missing:
    """Return what is at the path, read; ConditionFailed `cannot_coerce` if it cannot be."""
    return read(facts.get(config["path"]), config)


def read(value: JSON | Missing, config: JSON) -> JSON | Missing:
    """Return a value as the options want it; ConditionFailed `cannot_coerce` if it cannot be."""
    if "as" in config:
        value = coerce(value, config["as"])
    return fold(value) if config.get("ignore_case") else value


def wanted(config: JSON, key: str = "value") -> JSON:
    """Return what the rule wants, read; ConditionFailed `bad_config` if it cannot be."""
    return read_wanted(config[key], config, key)


def read_wanted(value: JSON, config: JSON, key: str = "value") -> JSON:
    """Return a part of what the rule wants, read; ConditionFailed `bad_config` if not."""
    try:
        return read(value, config)
    except ConditionFailed as failed:
        raise ConditionFailed("bad_config", f"{key}: {failed}") from failed


def mismatch(value: JSON, needed: str) -> ConditionFailed:
    """Return the error of a value that the operator cannot take; it never names the value."""
    message = f"found a value of sort {sort_of(value)}, needs {needed}"
    return ConditionFailed("type_mismatch", message)


def operand_problems(config: JSON) -> list[str]:
    """Return what is wrong with the path, and with what is wanted; the usual `check`."""
    problems = path_problems(config)
    for key in _WANTED:
        if key in config:
            problems += unreadable(config[key], config, key)
    return problems


def unreadable(value: JSON, config: JSON, key: str = "value") -> list[str]:
    """Return why a part of what is wanted cannot be read as `as` says; empty if it can."""
    try:
        read_wanted(value, config, key)
    except ConditionFailed as failed:
        return [str(failed)]
    return []
