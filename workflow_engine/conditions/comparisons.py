"""Comparison: is it there, is it the same, is it more or less.

A missing value satisfies only `absent`. Null satisfies only what speaks of equality, and
`exists`. Any other value of a sort the operator cannot take is an error, not a no.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from workflow_engine.conditions.base import (
    PATH_SCHEMA,
    path_problems,
    register_condition,
)
from workflow_engine.conditions.coercion import sort_of
from workflow_engine.conditions.equality import equal
from workflow_engine.conditions.operands import (
    found,
    mismatch,
    operand_problems,
    read_wanted,
    schema_of,
    unreadable,
    wanted,
)
from workflow_engine.types.event import JSON
from workflow_engine.types.facts import Facts
from workflow_engine.types.paths import MISSING, Missing

MAX_ELEMENTS: Final = 1000
_ORDERED: Final = frozenset({"number", "string", "time"})


def _bound(title: str) -> dict[str, JSON]:
    return {"type": ["number", "string"], "title": title}


_ANY: Final = schema_of(value={"title": "Value"})
_LIST: Final = schema_of(
    value={"type": "array", "title": "Values", "maxItems": MAX_ELEMENTS}
)
_ORDER: Final = schema_of(value=_bound("Value"))
_BETWEEN: Final = schema_of(low=_bound("Lowest"), high=_bound("Highest"))
_PRESENCE: Final[dict[str, JSON]] = {
    "type": "object",
    "required": ["path"],
    "properties": {"path": PATH_SCHEMA},
    "additionalProperties": False,
}


def _list_problems(config: JSON) -> list[str]:
    refused = (unreadable(element, config) for element in config["value"])
    return path_problems(config) + next(filter(None, refused), [])


def _between_problems(config: JSON) -> list[str]:
    problems = operand_problems(config)
    if problems:
        return problems
    low, high = wanted(config, "low"), wanted(config, "high")
    if sort_of(low) != sort_of(high):
        return ["low and high differ in sort; write two numbers or two texts"]
    return ["low is above high; exchange them"] if low > high else []


@register_condition("exists", label="is there", schema=_PRESENCE, check=path_problems)
def exists(facts: Facts, config: JSON) -> bool:
    """Tell whether there is anything at the path; null is there."""
    return facts.get(config["path"]) is not MISSING


@register_condition("absent", label="is missing", schema=_PRESENCE, check=path_problems)
def absent(facts: Facts, config: JSON) -> bool:
    """Tell whether there is nothing at the path."""
    return facts.get(config["path"]) is MISSING


@register_condition("eq", label="is", schema=_ANY, check=operand_problems)
def eq(facts: Facts, config: JSON) -> bool:
    """Tell whether the value equals the wanted one."""
    return equal(found(facts, config), wanted(config))


@register_condition("ne", label="is not", schema=_ANY, check=operand_problems)
def ne(facts: Facts, config: JSON) -> bool:
    """Tell whether there is a value and it differs."""
    value = found(facts, config)
    return value is not MISSING and not equal(value, wanted(config))


@register_condition("in", label="is one of", schema=_LIST, check=_list_problems)
def in_(facts: Facts, config: JSON) -> bool:
    """Tell whether the value equals one of the list."""
    return _is_among(found(facts, config), config)


@register_condition("not_in", label="is none of", schema=_LIST, check=_list_problems)
def not_in(facts: Facts, config: JSON) -> bool:
    """Tell whether there is a value and it equals none of the list."""
    value = found(facts, config)
    return value is not MISSING and not _is_among(value, config)


def _is_among(value: JSON | Missing, config: JSON) -> bool:
    elements = config["value"]
    return any(equal(value, read_wanted(element, config)) for element in elements)


@register_condition("gt", label="is more than", schema=_ORDER, check=operand_problems)
def gt(facts: Facts, config: JSON) -> bool:
    """Tell whether the value is strictly more."""
    return _holds(operator.gt, found(facts, config), wanted(config))


@register_condition("gte", label="is at least", schema=_ORDER, check=operand_problems)
def gte(facts: Facts, config: JSON) -> bool:
    """Tell whether the value is as much or more."""
    return _holds(operator.ge, found(facts, config), wanted(config))


@register_condition("lt", label="is less than", schema=_ORDER, check=operand_problems)
def lt(facts: Facts, config: JSON) -> bool:
    """Tell whether the value is strictly less."""
    return _holds(operator.lt, found(facts, config), wanted(config))


@register_condition("lte", label="is at most", schema=_ORDER, check=operand_problems)
def lte(facts: Facts, config: JSON) -> bool:
    """Tell whether the value is as much or less."""
    return _holds(operator.le, found(facts, config), wanted(config))


@register_condition(
    "between", label="is between", schema=_BETWEEN, check=_between_problems
)
def between(facts: Facts, config: JSON) -> bool:
    """Tell whether the value lies between two others, both included."""
    value = found(facts, config)
    above = _holds(operator.ge, value, wanted(config, "low"))
    return above and _holds(operator.le, value, wanted(config, "high"))


def _holds(
    compare: Callable[[Any, Any], bool], value: JSON | Missing, bound: JSON
) -> bool:
    """Compare numbers with numbers, texts by code point, moments with moments."""
    if value is None or value is MISSING:
        return False
    sort = sort_of(bound)
    if sort not in _ORDERED or sort_of(value) != sort:
        raise mismatch(value, f"a {sort}")
    return compare(value, bound)
