"""Attempt: how a firing is carried out once, for real or as a rehearsal.

Whatever a handler raises is an answer here; what follows from it is for the caller to say.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from workflow_engine import clock, registry
from workflow_engine.actions.base import Attempt, Delivery, Firing, Prepared
from workflow_engine.exceptions import (
    AttemptFailed,
    HandlerMissing,
    InvalidTemplate,
    Permanent,
)
from workflow_engine.registry import ActionEntry

logger = logging.getLogger(__name__)

NOT_CALLED: Final = "not called: a function cannot be rehearsed"


def perform(kind: str, firing: Firing, config: Any) -> Attempt:
    """Return what one attempt of an action came to; it is made now, for real.

    Never raises an Exception: that of the handler is in the answer. So is a soft time limit
    of Celery, which is an exception like any other: the attempt failed and is tried again.
    What is no Exception (an interrupt) goes through.
    """
    return _attempt(kind, firing, config, is_real=True)


def rehearse(kind: str, firing: Firing, config: Any) -> Attempt:
    """Return what an attempt would ask, stopped before its last network or broker write.

    A plain function is not called, since nobody knows where its last write is.
    """
    return _attempt(kind, firing, config, is_real=False)


def _attempt(kind: str, firing: Firing, config: Any, *, is_real: bool) -> Attempt:
    began = clock.monotonic()
    firing = replace(firing, notes=[], renderings={})
    delivery = Delivery()
    error: Exception | None = None
    prepared: Any = None
    try:
        entry = _usable(kind, config)
        firing = _in_time(firing, entry)
        if entry.prepare is None or entry.send is None:
            delivery = _call(entry, firing, config, is_real=is_real)
        else:
            prepared = entry.prepare(firing, config)
            delivery = _delivery_of(prepared)
            if is_real:
                delivery = _answer(entry.send(prepared), delivery)
    except InvalidTemplate as refused:
        error = Permanent(str(refused))
    except Exception as raised:
        error = raised
        delivery = _with_facts_of(raised, delivery)
        if not isinstance(raised, AttemptFailed):
            logger.warning(
                "An action raised what it did not foresee.",
                exc_info=True,
                extra={"action": "action_failed", "kind": kind, "firing": firing.uuid},
            )
    if not isinstance(prepared, Prepared):
        delivery = _hiding(firing.renderings, delivery)
    delivery = replace(delivery, notes=(*firing.notes, *delivery.notes))
    return Attempt(
        delivery=delivery, error=error, duration_seconds=clock.monotonic() - began
    )


def _usable(kind: str, config: Any) -> ActionEntry:
    entry = registry.actions.get(kind)
    if entry is None:
        raise HandlerMissing(registry.actions.problems(kind, config)[0])
    problems = entry.problems(config)
    if problems:
        raise Permanent(f"The configuration is refused: {'; '.join(problems)}")
    return entry


def _in_time(firing: Firing, entry: ActionEntry) -> Firing:
    longest = entry.timeout_seconds
    if longest is None or longest >= firing.timeout_seconds:
        return firing
    return replace(firing, timeout_seconds=longest)  # the same list of notes


def _call(
    entry: ActionEntry, firing: Firing, config: Any, *, is_real: bool
) -> Delivery:
    if not is_real:
        return Delivery(notes=(NOT_CALLED,))
    return _answer(entry.handler(firing, config), Delivery())


def _answer(answered: Any, otherwise: Delivery) -> Delivery:
    return answered if isinstance(answered, Delivery) else otherwise


def _delivery_of(prepared: Any) -> Delivery:
    if isinstance(prepared, Prepared):
        return prepared.delivery
    return Delivery(request=prepared) if isinstance(prepared, dict) else Delivery()


def _hiding(renderings: Mapping[str, str], delivery: Delivery) -> Delivery:
    """Return the delivery of a kind that does not know `firing.kept`, without secrets.

    Only what is a rendered text from its beginning to its end is replaced: a secret may be
    as short as a digit, and is no reason to hide every text that has one.
    """
    if not renderings:
        return delivery
    return replace(
        delivery,
        request=_replaced(renderings, delivery.request),
        response=_replaced(renderings, delivery.response),
        notes=tuple(renderings.get(note, note) for note in delivery.notes),
    )


def _replaced(renderings: Mapping[str, str], value: Any) -> Any:
    if isinstance(value, str):
        return renderings.get(value, value)
    if isinstance(value, dict):
        return {key: _replaced(renderings, item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(renderings, item) for item in value]
    return value


def _with_facts_of(error: Exception, delivery: Delivery) -> Delivery:
    if not isinstance(error, AttemptFailed):
        return delivery
    answered = error.response
    if answered is not None and not isinstance(answered, dict):
        answered = {"body": answered}
    return replace(delivery, status=error.status, response=answered or {})
