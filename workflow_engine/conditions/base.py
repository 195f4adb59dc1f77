"""Condition type: how one is registered, and what a slow one is asked.

A fast condition is a function of facts and configuration. A slow one is a class that is
asked after the event, with all its distinct questions at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar, overload

from workflow_engine import registry
from workflow_engine.exceptions import ConditionFailed, InvalidPath
from workflow_engine.registry import ROLES, ConditionEntry
from workflow_engine.types.event import JSON, Event
from workflow_engine.types.paths import MAX_CHARACTERS, parse_path
from workflow_engine.types.snapshots import ConditionSnapshot, canonical

H = TypeVar("H", bound=Callable[..., Any])

PATH_SCHEMA: Final[dict[str, JSON]] = {
    "type": "string",
    "title": "Path",
    "description": "Where to look in the event, such as data.amount",
    "minLength": 1,
    "maxLength": MAX_CHARACTERS,
}


def _not_counted(question: Question) -> int:
    message = f"nothing is counted for condition {question.condition_id}"
    raise ConditionFailed("handler_error", message)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a slow condition is asked; equal questions have one answer.

    Attributes:
        condition_id: Primary key of the condition.
        config_text: Its configuration as canonical JSON text.
        environment: Of the event; "" = none.
        subject: Of the event; "" = none.
        time: Of the event.
        counter: Tells the number of counted events; no part of the question.
    """

    condition_id: int
    config_text: str
    environment: str
    subject: str
    time: datetime
    counter: Callable[[Question], int] = field(
        default=_not_counted, compare=False, repr=False
    )

    @classmethod
    def of(
        cls,
        condition: ConditionSnapshot,
        event: Event,
        counter: Callable[[Question], int] = _not_counted,
    ) -> Question:
        """Return what this condition asks of this event."""
        return cls(
            condition_id=condition.id,
            config_text=canonical(condition.config).decode(),
            environment=event.environment,
            subject=event.subject,
            time=event.time,
            counter=counter,
        )

    @property
    def config(self) -> JSON:
        """The configuration of the condition."""
        return json.loads(self.config_text)

    def count(self) -> int:
        """Return how many events were counted for this condition, its own event included."""
        return self.counter(self)


class SlowCondition(Protocol):
    """What the class of a slow condition offers."""

    slow: bool

    def evaluate_many(self, questions: Sequence[Question]) -> Mapping[Question, bool]:
        """Return True or False for every question.

        Raising fails the whole call, which is then tried again later.
        """
        ...


def path_problems(config: JSON) -> list[str]:
    """Return what is wrong with the path of a configuration; the usual `check`."""
    try:
        parse_path(config["path"])
    except InvalidPath as error:
        return [f"path: {error}"]
    return []


def _no_problems(_: JSON) -> list[str]:
    return []


@overload
def register_condition(
    slug: str,
    *,
    schema: dict[str, Any],
    label: str = "",
    roles: frozenset[str] = ROLES,
    check: Callable[[JSON], list[str]] = _no_problems,
) -> Callable[[H], H]: ...


@overload
def register_condition(
    slug: str,
    handler: H,
    *,
    schema: dict[str, Any],
    label: str = "",
    roles: frozenset[str] = ROLES,
    check: Callable[[JSON], list[str]] = _no_problems,
) -> H: ...


def register_condition(
    slug: str,
    handler: H | None = None,
    *,
    schema: dict[str, Any],
    label: str = "",
    roles: frozenset[str] = ROLES,
    check: Callable[[JSON], list[str]] = _no_problems,
) -> H | Callable[[H], H]:
    """Register a condition type, as a decorator or called with the handler.

    Args:
        slug: The name stored in rows.
        handler: A function of facts and configuration that answers True or False, or a
            class as SlowCondition describes it.
        schema: JSON schema of the configuration.
        label: Name for people.
        roles: Group roles in which it may stand; a slow one never stands in a trigger.
        check: What the schema cannot say; is given a configuration that follows the
            schema and returns one sentence per problem.

    Raises:
        DuplicateHandler: Another handler has the name.
        TypeError: The handler is a class but not a slow condition.
        ValueError: The schema is not a JSON schema.
    """

    def register(handler: H) -> H:
        slow = _is_slow(slug, handler)
        entry = ConditionEntry(
            slug=slug,
            handler=handler,
            schema=schema,
            check=check,
            label=label,
            slow=slow,
            # An event does not wait for an answer before it is detected.
            roles=roles - {"trigger"} if slow else roles,
        )
        registry.conditions.register(entry)
        return handler

    return register if handler is None else register(handler)


def _is_slow(slug: str, handler: Callable[..., Any]) -> bool:
    if not isinstance(handler, type):
        return False
    if getattr(handler, "slow", False) is not True or not hasattr(
        handler, "evaluate_many"
    ):
        message = (
            f"Condition type '{slug}': {handler.__qualname__} is a class without "
            "'slow = True' and 'evaluate_many'; register a function, or add both."
        )
        raise TypeError(message)
    return True


def ask_slow(
    slug: str, questions: Sequence[Question]
) -> dict[Question, bool | ConditionFailed]:
    """Return the answer of the slow type `slug` to every question, asked in one call.

    What is no answer becomes a ConditionFailed beside its question. What the handler raises
    passes through.
    """
    entry = registry.conditions.get(slug)
    if entry is None or not entry.slow:
        failed = ConditionFailed("unknown_type", f"no slow condition type '{slug}'")
        return dict.fromkeys(questions, failed)
    distinct = tuple(dict.fromkeys(questions))
    answers = entry.handler().evaluate_many(distinct)
    return {question: _checked(answers.get(question)) for question in distinct}


def _checked(answer: object) -> bool | ConditionFailed:
    if isinstance(answer, bool):
        return answer
    message = f"answered {type(answer).__name__}, not True or False"
    return ConditionFailed("bad_verdict", message)
