"""Kinds: what a setting accepts, in words and as a test."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    """One key: its default, what is accepted in words, and the test of it.

    Attributes:
        is_secret: Whether a refusal must not show what was found.
    """

    default: Any
    accepted: str
    accepts: Callable[[Any], bool]
    is_secret: bool = False


def is_number(value: Any) -> bool:
    """Whether this is a finite number; a bool or NaN is none."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def whole(low: int, high: float, default: Any) -> Setting:
    """A whole number between bounds, both accepted."""
    words = f"a whole number from {low}" + (
        f" to {high}" if math.isfinite(high) else ""
    )
    return Setting(
        default,
        words,
        lambda v: is_number(v) and isinstance(v, int) and low <= v <= high,
    )


def number(low: float, high: float, default: Any) -> Setting:
    """A number between bounds, both accepted."""
    return Setting(
        default,
        f"a number from {low} to {high}",
        lambda v: is_number(v) and low <= v <= high,
    )


def above_zero(default: float) -> Setting:
    """A number above 0."""
    return Setting(default, "a number above 0", lambda v: is_number(v) and v > 0)


def or_none(setting: Setting) -> Setting:
    """What another setting accepts, or None."""
    return Setting(
        setting.default,
        f"{setting.accepted}, or None",
        lambda v: v is None or setting.accepts(v),
    )


def one_of(*words: str) -> Setting:
    """One of some words, the first by default."""
    accepted = "one of " + ", ".join(f"'{word}'" for word in words)
    return Setting(words[0], accepted, lambda v: isinstance(v, str) and v in words)


def boolean(*, default: bool) -> Setting:
    """True or False."""
    return Setting(default, "True or False", lambda v: isinstance(v, bool))


def is_text(value: Any) -> bool:
    """Whether this is a text that says something."""
    return isinstance(value, str) and value != ""


def secret_or_none() -> Setting:
    """A text that nobody may read, or None, which is the default."""
    return Setting(
        None,
        "a text, or None",
        lambda v: v is None or is_text(v),
        is_secret=True,
    )


def is_dotted(value: Any) -> bool:
    """Whether this is a dotted name."""
    return isinstance(value, str) and all(p.isidentifier() for p in value.split("."))


def texts(accepted: str, test: Callable[[Any], bool], *default: str) -> Setting:
    """A list of texts of a kind."""
    return Setting(
        default,
        f"a list of {accepted}",
        lambda v: isinstance(v, list | tuple) and all(test(item) for item in v),
    )
