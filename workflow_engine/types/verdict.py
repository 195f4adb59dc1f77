"""Verdict: what a condition or a group answers, with what it looked at."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from workflow_engine.types.event import JSON

ERROR_CODES: Final = (
    "type_mismatch",
    "cannot_coerce",
    "value_too_long",
    "regex_timeout",
    "bad_config",
    "unknown_type",
    "bad_verdict",
    "handler_error",
)


class Verdict(StrEnum):
    """Three values, and one more while a slow condition has not been asked."""

    TRUE = "yes"
    FALSE = "no"
    ERROR = "error"
    PENDING = "pending"


class ConditionVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one condition answered.

    Attributes:
        id: Primary key of the condition.
        type: Its type name.
        verdict: The answer; None when it was not asked (after the first yes of any_short).
        path: What it looked at; "" for a type without a path.
        seen: The value it saw.
        missing: Nothing was there; `seen` means nothing then.
        wanted: Its configuration without the path.
        error: One of ERROR_CODES, or "".
        message: What the error said, for people.
        result: Priority written on the condition, or None.
    """

    id: int
    type: str
    verdict: Verdict | None
    path: str = ""
    seen: JSON = None
    missing: bool = False
    wanted: JSON = None
    error: str = ""
    message: str = ""
    result: int | None = None


class GroupVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What one group answered; it passes only when the verdict is TRUE.

    Attributes:
        id: Primary key of the group.
        logic: any, any_short, all or none.
        verdict: The answer.
        conditions: Its conditions by position.
        error: Code of the first error by position when the verdict is ERROR, else "".
    """

    id: int
    logic: str
    verdict: Verdict
    conditions: tuple[ConditionVerdict, ...] = ()
    error: str = ""

    @property
    def passes(self) -> bool:
        """Whether what the group guards may go on."""
        return self.verdict is Verdict.TRUE
