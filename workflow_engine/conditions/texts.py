"""Text conditions: what a string begins, ends or matches with, and what a value contains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from workflow_engine.conditions import regex
from workflow_engine.conditions.base import path_problems, register_condition
from workflow_engine.conditions.equality import equal
from workflow_engine.conditions.operands import (
    found,
    mismatch,
    operand_problems,
    read,
    schema_of,
    wanted,
)
from workflow_engine.exceptions import ConditionFailed
from workflow_engine.types.event import JSON
from workflow_engine.types.facts import Facts
from workflow_engine.types.paths import MISSING

_PART: Final = schema_of(value={"title": "Part"})
_TEXT: Final = schema_of(("string",), value={"type": "string", "title": "Text"})
_REGEX: Final = schema_of(
    ("string",),
    value={
        "type": "string",
        "title": "Regular expression",
        "maxLength": regex.MAX_PATTERN_CHARACTERS,
    },
)


def _regex_problems(config: JSON) -> list[str]:
    problem = regex.pattern_problem(config["value"])
    return path_problems(config) + ([f"value: {problem}"] if problem else [])


@register_condition("contains", label="contains", schema=_PART, check=operand_problems)
def contains(facts: Facts, config: JSON) -> bool:
    """Tell whether a text has a part, a list an equal element, or an object a key."""
    value = facts.get(config["path"])
    if isinstance(value, list):
        return _has_element(value, config)
    if isinstance(value, dict):
        return _has_key(value, config)
    value = read(value, config)
    if value is None or value is MISSING:
        return False
    part = wanted(config)
    if isinstance(value, str) and isinstance(part, str):
        return part in value
    raise mismatch(value, "a list, an object, or a text and a text to find in it")


def _has_element(elements: Sequence[JSON], config: JSON) -> bool:
    """Look for an equal element; one that cannot be read counts only if none is equal."""
    part = wanted(config)
    failure: ConditionFailed | None = None
    for element in elements:
        try:
            if equal(read(element, config), part):
                return True
        except ConditionFailed as failed:
            failure = failure or failed
    if failure is not None:
        raise failure
    return False


def _has_key(value: Mapping[str, JSON], config: JSON) -> bool:
    part = wanted(config)
    if not isinstance(part, str):
        raise mismatch(value, "a text as its key")
    if config.get("ignore_case"):
        return any(key.casefold() == part for key in value)
    return part in value


@register_condition(
    "starts_with", label="starts with", schema=_TEXT, check=operand_problems
)
def starts_with(facts: Facts, config: JSON) -> bool:
    """Tell whether a text begins with another."""
    value = _text(facts, config)
    return value is not None and value.startswith(wanted(config))


@register_condition(
    "ends_with", label="ends with", schema=_TEXT, check=operand_problems
)
def ends_with(facts: Facts, config: JSON) -> bool:
    """Tell whether a text ends with another."""
    value = _text(facts, config)
    return value is not None and value.endswith(wanted(config))


@register_condition("regex", label="matches", schema=_REGEX, check=_regex_problems)
def matches(facts: Facts, config: JSON) -> bool:
    """Tell whether a regular expression is found anywhere in a text."""
    # Case is the expression's business: a folded text would break its classes.
    ignore_case = config.get("ignore_case", False)
    value = _text(facts, {**config, "ignore_case": False})
    if value is None:
        return False
    return regex.search(config["value"], value, ignore_case=ignore_case)


def _text(facts: Facts, config: JSON) -> str | None:
    """Return the text at the path; None where null or nothing is, which satisfy nothing."""
    value = found(facts, config)
    if value is None or value is MISSING:
        return None
    if not isinstance(value, str):
        raise mismatch(value, "a text")
    return value
