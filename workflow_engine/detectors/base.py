"""Detector kind: how one is registered, and what all of them share.

A kind answers with its state and a Finding, or with its state and the Reason why it says
nothing. It changes `streaks`, `clears`, `memory` and `wake_at` only: who asks it sets the
priority and the watermark, refuses late events for it, and zeroes streaks and clears when
the configuration was edited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias, TypeVar, overload

from workflow_engine import registry
from workflow_engine.registry import DetectorEntry
from workflow_engine.types.detection import Finding, State
from workflow_engine.types.event import JSON
from workflow_engine.types.priority import Priority
from workflow_engine.types.reasons import Reason

H = TypeVar("H", bound=Callable[..., Any])

#: What a kind answers; a reason may be given as its code.
Answer: TypeAlias = tuple[State, Finding | Reason | str]
_Check: TypeAlias = Callable[[Any], list[str]]

DEFAULT_PRIORITY: Final = Priority.MEDIUM
LEVELS: Final = tuple(level for level in Priority if level is not Priority.OK)
PRIORITY_SCHEMA: Final[dict[str, JSON]] = {
    "enum": [level.label for level in LEVELS],
    "title": "Priority",
    "default": DEFAULT_PRIORITY.label,
}


def priority_of(config: JSON) -> Priority:
    """Return the priority that a configuration asks for."""
    return Priority.named(config.get("priority", DEFAULT_PRIORITY.label))


def _no_problems(_: JSON) -> list[str]:
    return []


@overload
def register_detector(
    slug: str,
    *,
    schema: dict[str, Any],
    stateful: bool | Callable[[JSON], bool] = False,
    ordered: bool = True,
    label: str = "",
    tick: Callable[..., Any] | None = None,
    check: _Check = _no_problems,
) -> Callable[[H], H]: ...


@overload
def register_detector(
    slug: str,
    handler: H,
    *,
    schema: dict[str, Any],
    stateful: bool | Callable[[JSON], bool] = False,
    ordered: bool = True,
    label: str = "",
    tick: Callable[..., Any] | None = None,
    check: _Check = _no_problems,
) -> H: ...


def register_detector(  # noqa: PLR0913 - one keyword for each thing a kind may say of itself
    slug: str,
    handler: H | None = None,
    *,
    schema: dict[str, Any],
    stateful: bool | Callable[[JSON], bool] = False,
    ordered: bool = True,
    label: str = "",
    tick: Callable[..., Any] | None = None,
    check: _Check = _no_problems,
) -> H | Callable[[H], H]:
    """Register a detector kind, as a decorator or called with the handler.

    Args:
        slug: The name stored in rows.
        handler: A function of sample, state and configuration that gives an Answer, or a
            class, made without arguments, with such a method `detect`, and perhaps
            `tick` and `begin(config, now)`, which gives the states to start with, each
            by a pair of environment and subject.
        schema: JSON schema of the configuration.
        stateful: Whether it keeps state per subject; may depend on the configuration.
        ordered: Whether it is spared events older than the newest it has seen.
        label: Name for people.
        tick: Gives an Answer to state, configuration and the moment once `wake_at` of a
            state has come; a class brings it as a method. When it came while the
            detector was off, the state comes later and `is_paused`.
        check: What the schema cannot say; is given a configuration that follows the
            schema and returns one sentence per problem.

    Raises:
        DuplicateHandler: Another handler has the name.
        TypeError: The handler is a class without a method `detect`.
        ValueError: The schema is not a JSON schema.
    """

    def register(handler: H) -> H:
        detect, own_tick, begin = _methods(slug, handler)
        entry = DetectorEntry(
            slug=slug,
            handler=detect,
            schema=schema,
            check=check,
            label=label,
            is_stateful=stateful if callable(stateful) else lambda _: bool(stateful),
            is_ordered=ordered,
            tick=own_tick if tick is None else tick,
            begin=begin,
        )
        registry.detectors.register(entry)
        return handler

    return register if handler is None else register(handler)


def _methods(
    slug: str, handler: Callable[..., Any]
) -> tuple[Callable[..., Any], Callable[..., Any] | None, Callable[..., Any] | None]:
    """Return what is asked about events, when a wake has come, and before the first event."""
    if not isinstance(handler, type):
        return handler, None, None
    kind = handler()
    detect = getattr(kind, "detect", None)
    if not callable(detect):
        message = (
            f"Detector kind '{slug}': {handler.__qualname__} is a class without a method "
            "'detect'; add it, or register a function."
        )
        raise TypeError(message)
    return detect, getattr(kind, "tick", None), getattr(kind, "begin", None)
