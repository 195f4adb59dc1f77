"""Group: what conditions answer together, in three values, and a fourth for "not asked yet".

An error counts only where it could flip the answer, so one broken condition beside a clear
yes or no stops nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from workflow_engine import registry
from workflow_engine.exceptions import ConditionFailed, InvalidPath
from workflow_engine.types.event import JSON
from workflow_engine.types.facts import Facts
from workflow_engine.types.paths import MISSING, Missing
from workflow_engine.types.priority import Priority
from workflow_engine.types.snapshots import ConditionSnapshot, GroupSnapshot
from workflow_engine.types.verdict import (
    ERROR_CODES,
    ConditionVerdict,
    GroupVerdict,
    Verdict,
)

logger = logging.getLogger(__name__)

Answers: TypeAlias = Mapping[int, bool | ConditionFailed]

# Names of this module are found faster than members of an enumeration.
TRUE: Final = Verdict.TRUE
FALSE: Final = Verdict.FALSE
ERROR: Final = Verdict.ERROR
PENDING: Final = Verdict.PENDING

# Of each logic: the verdict of one condition that settles it, the answer then, and the
# answer when all are asked and none of them settled it.
_SETTLED_BY: Final = {
    "any": (TRUE, TRUE, FALSE),
    "any_short": (TRUE, TRUE, FALSE),
    "all": (FALSE, FALSE, TRUE),
    "none": (TRUE, FALSE, TRUE),
}


def judge(
    group: GroupSnapshot | None, facts: Facts, answers: Answers | None = None
) -> GroupVerdict | None:
    """Return what the group answers; None for no group, which passes like an empty one.

    Args:
        group: The group, its conditions by position.
        facts: The event.
        answers: What slow conditions answered, by condition id; None = they were not asked
            and are pending. One that is not in it is an error.
    """
    if group is None:
        return None
    verdicts: list[ConditionVerdict] = []
    stops = group.logic == "any_short"
    found = False
    for condition in group.conditions:
        if found:
            verdicts.append(_not_asked(condition))
            continue
        verdict = _judge_condition(condition, facts, answers)
        verdicts.append(verdict)
        found = stops and verdict.verdict is TRUE
    together = decide(group.logic, [one.verdict for one in verdicts])
    return GroupVerdict(
        id=group.id,
        logic=group.logic,
        verdict=together,
        conditions=tuple(verdicts),
        error=_error_of(group.logic, verdicts) if together is ERROR else "",
    )


def decide(logic: str, verdicts: Sequence[Verdict | None]) -> Verdict:
    """Return the answer of a group whose conditions answered so; None = not asked.

    What is clear already is not changed by what is pending or went wrong. An unknown logic
    is an error; a group without conditions passes, whatever its logic.
    """
    if not verdicts:
        return TRUE
    if logic not in _SETTLED_BY:
        return ERROR
    settling, settled, otherwise = _SETTLED_BY[logic]
    if settling in verdicts:
        return settled
    if PENDING in verdicts:
        return PENDING
    return ERROR if ERROR in verdicts else otherwise


def results_of(verdict: GroupVerdict | None) -> tuple[Priority, ...]:
    """Return the priorities written on true conditions; a result of 0 is a result.

    In any_short only the first true condition is known to be true.
    """
    if verdict is None:
        return ()
    return tuple(
        Priority(one.result)
        for one in verdict.conditions
        if one.verdict is TRUE and one.result is not None
    )


def _judge_condition(
    condition: ConditionSnapshot, facts: Facts, answers: Answers | None
) -> ConditionVerdict:
    config = condition.config
    error = message = ""
    seen: JSON | Missing = None
    path = ""
    wanted = config
    if isinstance(config, dict):
        path, wanted = _without_path(config)
    try:
        verdict = _ask(condition, facts, answers)
    except ConditionFailed as failed:
        verdict = ERROR
        error = failed.code if failed.code in ERROR_CODES else "handler_error"
        message = str(failed)
    except Exception as failed:
        logger.warning(
            "A condition failed.",
            exc_info=True,
            extra={"action": "condition_failed", "condition": condition.id},
        )
        verdict, error = ERROR, "handler_error"
        message = f"{type(failed).__name__}: {failed}"
    if path and not condition.problem:
        seen = _seen(facts, path)
    missing = seen is MISSING
    return ConditionVerdict(
        id=condition.id,
        type=condition.type,
        verdict=verdict,
        path=path,
        seen=None if missing else seen,
        missing=missing,
        wanted=wanted,
        error=error,
        message=message,
        result=condition.result,
    )


def _ask(
    condition: ConditionSnapshot, facts: Facts, answers: Answers | None
) -> Verdict:
    if condition.problem:
        raise ConditionFailed("bad_config", condition.problem)
    entry = registry.conditions.get(condition.type)
    if entry is None:
        message = f"no condition type '{condition.type}' is registered"
        raise ConditionFailed("unknown_type", message)
    if not entry.slow:
        answer = entry.handler(facts, condition.config)
    elif answers is None:
        return PENDING
    else:
        answer = _slow_answer(condition, answers)
    if answer is True:
        return TRUE
    if answer is False:
        return FALSE
    message = f"answered {type(answer).__name__}, not True or False"
    raise ConditionFailed("bad_verdict", message)


def _slow_answer(condition: ConditionSnapshot, answers: Answers) -> bool:
    if condition.id not in answers:
        raise ConditionFailed("handler_error", "was asked and did not answer")
    answer = answers[condition.id]
    if isinstance(answer, ConditionFailed):
        raise answer
    return answer


def _not_asked(condition: ConditionSnapshot) -> ConditionVerdict:
    path, wanted = "", condition.config
    if isinstance(wanted, dict):
        path, wanted = _without_path(wanted)
    return ConditionVerdict(
        id=condition.id,
        type=condition.type,
        verdict=None,
        path=path,
        wanted=wanted,
        result=condition.result,
    )


def _without_path(config: dict[str, JSON]) -> tuple[str, JSON]:
    wanted = config.copy()
    path = wanted.pop("path", "")
    return (path, wanted) if isinstance(path, str) else ("", config)


def _seen(facts: Facts, path: str) -> JSON | Missing:
    """Return what is at the path; None if a type of its own means something else by path."""
    try:
        return facts.get(path)
    except InvalidPath:
        return None


def _error_of(logic: str, verdicts: Sequence[ConditionVerdict]) -> str:
    if logic not in _SETTLED_BY:
        return "bad_config"
    return next(one.error for one in verdicts if one.verdict is ERROR)
