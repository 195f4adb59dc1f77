"""Handlers for tests: an action that keeps what it was told, conditions that obey a script.

Each is registered by `registered()` for as long as its block lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from workflow_engine import registry
from workflow_engine.actions import Delivery, Firing, register_action
from workflow_engine.actions.base import Prepared
from workflow_engine.conditions import Question, register_condition

ANYTHING: dict[str, Any] = {"type": "object"}
RECORDED = "t_recorded"
PLAIN = "t_plain"
SLOW = "t_slow"
SAYS = "t_says"


@dataclass(frozen=True)
class Sent:
    """One message that an action got out."""

    action: str
    workflow: str
    subject: str
    event: str
    purpose: str
    attempt: int
    uuid: str
    at: datetime


@dataclass
class Outbox:
    """What the recording action has sent, and what shall go wrong with it.

    Attributes:
        sent: Every message, in order.
        prepared: Action slugs prepared, whether or not they were sent.
        detectors: Slugs of the detectors that the firings prepared spoke of.
        attempted: Action slugs of all attempts, also of those that failed.
        errors: By action slug, what an attempt of it raises; taken one by one, the last
            one for ever.
        before_send: Called with the action's slug before it sends.
    """

    sent: list[Sent] = field(default_factory=list)
    prepared: list[str] = field(default_factory=list)
    detectors: list[str] = field(default_factory=list)
    attempted: list[str] = field(default_factory=list)
    errors: dict[str, list[BaseException | None]] = field(default_factory=dict)

    before_send: Callable[[str], None] = field(default=lambda action: None)

    def fail(self, action: str, *errors: BaseException | None) -> None:
        """Let the next attempts of an action raise these; None is a success."""
        self.errors[action] = list(errors)

    def prepare(self, firing: Firing, config: dict[str, Any]) -> Prepared:
        """Do everything short of the write."""
        self.prepared.append(firing.action_slug)
        found = firing.detection
        self.detectors.append("" if found is None else found.detector)
        request = {"event": firing.event.data, "text": config.get("text", "")}
        return Told(
            delivery=Delivery(endpoint="outbox", request=request), firing=firing
        )

    def send(self, told: Told) -> Delivery:
        """Write it down, or raise what was asked for."""
        firing = told.firing
        self.before_send(firing.action_slug)
        self.attempted.append(firing.action_slug)
        error = self._next_error(firing.action_slug)
        if error is not None:
            raise error
        self.sent.append(
            Sent(
                action=firing.action_slug,
                workflow=firing.workflow_slug,
                subject=firing.event.subject,
                event=firing.event.id,
                purpose=firing.purpose,
                attempt=firing.attempt,
                uuid=firing.uuid,
                at=firing.now,
            )
        )
        return told.delivery

    def _next_error(self, action: str) -> BaseException | None:
        coming = self.errors.get(action)
        if not coming:
            return None
        return coming.pop(0) if len(coming) > 1 else coming[0]

    @property
    def actions(self) -> list[str]:
        """Slugs of the actions whose message got out, in order."""
        return [message.action for message in self.sent]


@dataclass(frozen=True, kw_only=True)
class Told(Prepared):
    """What is prepared here: the delivery, and the firing it tells of."""

    firing: Firing


@dataclass
class Script:
    """What the slow condition answers, and what it was asked.

    Attributes:
        answer: Tells the answer to a question; may raise.
        calls: The questions of each call.
    """

    answer: Callable[[Question], Any] = field(default=lambda question: True)
    calls: list[list[Question]] = field(default_factory=list)


def says(_: Any, config: dict[str, Any]) -> Any:
    """Answer what the configuration says; raise KeyError when it says nothing."""
    if "raises" in config:
        raise RuntimeError("zero \0, half \ud800")
    return config["answer"]


def plain(firing: Firing, config: dict[str, Any]) -> None:
    """Fail loudly when a rehearsal calls it."""
    raise AssertionError(f"{firing.action_slug} was called")


@contextmanager
def registered(outbox: Outbox, script: Script) -> Iterator[None]:
    """Register all handlers of this module while the block lasts."""

    class Slow:
        slow = True

        def evaluate_many(self, questions: Sequence[Question]) -> dict[Question, Any]:
            script.calls.append(list(questions))
            return {question: script.answer(question) for question in questions}

    register_action(RECORDED, schema=ANYTHING)(outbox)
    register_action(PLAIN, schema=ANYTHING)(plain)
    register_condition(SLOW, Slow, schema=ANYTHING)
    register_condition(SAYS, says, schema=ANYTHING)
    try:
        yield
    finally:
        registry.actions.unregister(RECORDED)
        registry.actions.unregister(PLAIN)
        registry.conditions.unregister(SLOW)
        registry.conditions.unregister(SAYS)
