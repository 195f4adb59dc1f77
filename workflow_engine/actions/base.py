"""Firing: what an action is handed, and what one attempt of it leaves.

A handler is a function `(firing, config)`, or a class with `prepare(firing, config)`, which
does everything short of the last network or broker write, and `send(prepared)`, which does
that. It raises RetryAfter or Permanent; any other exception means: try again later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, Protocol, Self, TypeAlias, TypeVar

import msgspec
from django.utils.translation import gettext as _

from workflow_engine import registry
from workflow_engine.actions.templates import (
    RENDERED_CHARACTERS,
    Escape,
    compile_template,
)
from workflow_engine.conf import options
from workflow_engine.registry import ActionEntry
from workflow_engine.types import Detection, Event, Facts
from workflow_engine.types.detection import to_facts
from workflow_engine.types.event import JSON
from workflow_engine.types.instants import instant_text
from workflow_engine.types.secrets import REDACTED, Secrets

Purpose: TypeAlias = Literal["trigger", "resolve", "test"]


class SendTask(Protocol):
    """What hands a task to the broker; it raises when the broker did not take it."""

    def __call__(
        self, name: str, kwargs: dict[str, JSON], queue: str | None, task_id: str
    ) -> None:
        """Send the task of this name; `queue` None = the project's default."""
        ...


@dataclass(frozen=True, kw_only=True)
class Firing:
    """One action decided on, as its handler sees it.

    Attributes:
        uuid: Names the firing; the same on every attempt, so an idempotency key.
        event: The event.
        detection: What the leading detector said of it, or None.
        workflow_slug: Slug of the workflow, "" for a test.
        workflow_name: Its name.
        action_slug: Slug of the action.
        purpose: Whether it tells that something began, that it is over, or is a test.
        attempt: From 1.
        now: When this attempt began, aware, UTC.
        timeout_seconds: How long the attempt may take.
        send_task: Hands a task to the broker; None = there is none.
        notes: What a reader of the delivery should know, one sentence each; `render` adds.
        secrets: What its texts must not say; None = they are sent, and say all.
        renderings: Texts with secrets in them, as sent, and as kept; `render` adds.
    """

    uuid: str
    event: Event
    detection: Detection | None = None
    workflow_slug: str = ""
    workflow_name: str = ""
    action_slug: str = ""
    purpose: Purpose = "trigger"
    attempt: int = 1
    now: datetime
    timeout_seconds: float
    send_task: SendTask | None = None
    notes: list[str] = field(default_factory=list, compare=False)
    secrets: Secrets | None = None
    renderings: dict[str, str] = field(default_factory=dict, compare=False)

    @cached_property
    def workflow_facts(self) -> dict[str, JSON]:
        """What texts may say of the workflow."""
        return {"slug": self.workflow_slug, "name": self.workflow_name}

    @cached_property
    def own_facts(self) -> dict[str, JSON]:
        """What texts may say of the firing; the same on every attempt."""
        return {
            "uuid": self.uuid,
            "action": self.action_slug,
            "purpose": self.purpose,
        }

    @cached_property
    def detection_facts(self) -> dict[str, JSON] | None:
        """What texts may say of the detection; None when there is none."""
        return None if self.detection is None else to_facts(self.detection)

    @cached_property
    def facts(self) -> Facts:
        """The event, the detection, the workflow, the firing and the time, by path."""
        return Facts(
            self.event,
            self.detection_facts,
            {
                "workflow": self.workflow_facts,
                "firing": self.own_facts,
                "now": instant_text(self.now),
            },
        )

    @cached_property
    def kept(self) -> Self:
        """The same firing for what is kept: its texts, with "[redacted]" for secrets."""
        found = self.detection
        secrets = Secrets(options.REDACT_KEYS, "" if found is None else found.path)
        if found is not None:
            value = REDACTED if secrets.hides_value else secrets.redact(found.value)
            found = msgspec.structs.replace(found, value=value)
        return replace(self, detection=found, notes=[], secrets=secrets)

    @property
    def mark(self) -> str:
        """What a message begins with when it does not tell that something began."""
        if self.purpose == "test":
            return f"[{_('test')}] "
        return f"[{_('resolved')}] " if self.purpose == "resolve" else ""

    def render(
        self,
        text: str,
        escape: Escape = Escape.NONE,
        limit_characters: int = RENDERED_CHARACTERS,
    ) -> str:
        """Return the text with its values; what was missing or cut is added to `notes`.

        Raises:
            InvalidTemplate: The text does not follow the grammar.
        """
        template = compile_template(text)
        rendered = template.render(self.facts, escape, limit_characters, self.secrets)
        self.notes.extend(note for note in rendered.notes if note not in self.notes)
        if self.secrets is None:
            hidden = self.kept.secrets
            kept = template.render(self.facts, escape, limit_characters, hidden).text
            if kept != rendered.text:
                self.renderings[rendered.text] = kept
        return rendered.text


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What one attempt asked of the outside and got back.

    Request and response are plain JSON, neither redacted by their keys nor cut: who keeps
    them redacts first and cuts then, since a key cannot be found in half a text. A text with
    values in it has no keys any more: here it is as `firing.kept` renders it.

    Attributes:
        endpoint: Where it went, short and without secrets; "" = nowhere.
        status: The number that was answered, or None.
        request: What was asked.
        response: What was answered.
        notes: One sentence each, for people.
    """

    endpoint: str = ""
    status: int | None = None
    request: dict[str, JSON] = field(default_factory=dict)
    response: dict[str, JSON] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What `prepare` may return so that a rehearsal can show what would be sent.

    Anything else is handed to `send` just as well; a dict is also kept as the request.
    """

    delivery: Delivery


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What one attempt came to.

    Attributes:
        delivery: What was asked and answered, as far as it got.
        error: What the handler raised; None = success.
        duration_seconds: How long it took.
    """

    delivery: Delivery
    error: Exception | None = None
    duration_seconds: float = 0


H = TypeVar("H")


def _no_problems(_: Any) -> list[str]:
    return []


def register_action(
    slug: str,
    *,
    schema: dict[str, Any],
    timeout: float | None = None,
    label: str = "",
    check: Callable[[Any], list[str]] = _no_problems,
) -> Callable[[H], H]:
    """Return a decorator that registers a function, a class, or an instance of one.

    A class is made once, without arguments. Its `prepare` and `send` are called by several
    threads at once.

    Args:
        slug: The kind, stored in rows.
        schema: JSON schema of the configuration, an object.
        timeout: Longest time of one attempt, in seconds; None = ACTION_SECONDS.
        label: Name for people; "" = the slug.
        check: What the schema cannot say; returns one sentence per problem.

    Raises:
        DuplicateHandler: Another handler has the name.
    """

    def register(handler: H) -> H:
        instance = handler() if isinstance(handler, type) else handler
        prepare = getattr(instance, "prepare", None)
        send = getattr(instance, "send", None)
        if (prepare is None) != (send is None):
            missing = "prepare" if prepare is None else "send"
            message = (
                f"Action kind '{slug}' has no {missing}; it takes both or neither."
            )
            raise TypeError(message)
        is_function = prepare is None and callable(handler)
        named: Any = handler if is_function else type(instance)
        registry.actions.register(
            ActionEntry(
                slug=slug,
                handler=named,
                schema=schema,
                check=check,
                label=label,
                timeout_seconds=timeout,
                prepare=prepare,
                send=send,
            )
        )
        return handler

    return register
