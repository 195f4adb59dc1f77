"""Result and Reason: what became of something, and the short code of why."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Result(StrEnum):
    """What became of an event or of a workflow; an event takes the first its workflows have."""

    FIRED = "fired"
    HELD = "held"
    FAILED = "failed"
    NO_MATCH = "no_match"


class Reason(StrEnum):
    """Every reason, in the order in which the first one counts."""

    SENT = "sent"
    WAITING = "waiting"
    PENDING = "pending"
    SAME_ACTION = "same_action"
    INTERVAL = "interval"
    SNOOZED = "snoozed"
    DUPLICATE_EVENT = "duplicate_event"
    CONDITION_ERROR = "condition_error"
    DETECTOR_ERROR = "detector_error"
    WORKFLOW_ERROR = "workflow_error"
    HANDLER_MISSING = "handler_missing"
    EVENT_FAILED = "event_failed"
    NO_DETECTOR = "no_detector"
    DETECTOR_DISABLED = "detector_disabled"
    TRIGGER = "trigger"
    NO_VALUE = "no_value"
    LATE_EVENT = "late_event"
    GAP = "gap"
    COUNTING = "counting"
    UNCHANGED = "unchanged"
    BELOW_RATE = "below_rate"
    HEARD = "heard"
    NO_LINK = "no_link"
    WORKFLOW_GONE = "workflow_gone"
    WORKFLOW_DISABLED = "workflow_disabled"
    ENVIRONMENT = "environment"
    WHEN = "when"
    NO_IF_GROUP = "no_if_group"
    IF = "if"
    ACTION_DISABLED = "action_disabled"
    NOT_TOLD = "not_told"
    # A firing, later, also:
    CIRCUIT_OPEN = "circuit_open"
    AWAITING_TRIGGER = "awaiting_trigger"
    PERMANENT = "permanent"
    ATTEMPTS_USED = "attempts_used"
    ENDPOINT_OFF = "endpoint_off"
    RESOLVED = "resolved"
    ACKNOWLEDGED = "acknowledged"
    DISABLED = "disabled"
    GONE = "gone"
    BY_HAND = "by_hand"


_ORDER: Final = {reason: place for place, reason in enumerate(Reason)}
_FIRED: Final = frozenset({Reason.SENT, Reason.WAITING})
_HELD: Final = frozenset(
    {
        Reason.PENDING,
        Reason.SAME_ACTION,
        Reason.INTERVAL,
        Reason.SNOOZED,
        Reason.DUPLICATE_EVENT,
    }
)
_FAILED: Final = frozenset(
    {
        Reason.CONDITION_ERROR,
        Reason.DETECTOR_ERROR,
        Reason.WORKFLOW_ERROR,
        Reason.HANDLER_MISSING,
        Reason.EVENT_FAILED,
    }
)


def result_of(reason: Reason) -> Result:
    """Return the result that a reason of a decision belongs to."""
    if reason in _FIRED:
        return Result.FIRED
    if reason in _HELD:
        return Result.HELD
    return Result.FAILED if reason in _FAILED else Result.NO_MATCH


def first_reason(reasons: list[Reason]) -> Reason:
    """Return the reason that counts among several; `reasons` must not be empty."""
    return min(reasons, key=_ORDER.__getitem__)
