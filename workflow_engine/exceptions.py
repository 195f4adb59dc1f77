"""Every error this app raises on purpose: facts as attributes, the cure in the message."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class WorkflowEngineError(Exception):
    """Base of every error of this app."""


class Retryable(WorkflowEngineError):
    """The same call may succeed later."""


@dataclass(frozen=True, order=True)
class EventProblem:
    """One thing wrong with one event of a batch.

    Attributes:
        index: Place of the event in the batch, from 0.
        attribute: Name of the attribute, or "" for the event as a whole.
        code: Short fixed word for programs.
        message: Sentence for people; names the attribute and the cure, never the value.
    """

    index: int
    attribute: str
    code: str
    message: str


class InvalidEvent(WorkflowEngineError, ValueError):
    """One or more events of a batch were refused, and so none was accepted.

    `errors` holds `(index, code, attribute, message)` for every problem found,
    ordered by index, then attribute name. The text names the events by their place in the
    batch, from 0, where it speaks of any but the first.
    """

    def __init__(self, problems: list[EventProblem]) -> None:
        """Keep every problem, in order."""
        self.errors: tuple[tuple[int, str, str, str], ...] = tuple(
            (p.index, p.code, p.attribute, p.message) for p in sorted(problems)
        )
        several = any(index for index, *_ in self.errors)
        super().__init__(
            "; ".join(
                f"event {index}: {message}" if several else message
                for index, *_, message in self.errors
            )
        )


class SubmitFailed(Retryable):
    """Neither the broker nor the database took the event; submit it again."""


class BrokerRefused(Retryable):
    """The broker did not take a message; it may later."""


class InvalidPath(WorkflowEngineError, ValueError):
    """A path does not follow the grammar."""


class InvalidTemplate(WorkflowEngineError, ValueError):
    """A template does not follow the grammar."""


class InvalidSettings(WorkflowEngineError, ValueError):
    """A value in WORKFLOW_ENGINE was refused; `manage.py check` names it."""


class InvalidRules(WorkflowEngineError, ValueError):
    """A rules file was refused as a whole; `errors` names every place and its cure."""

    def __init__(self, errors: list[str]) -> None:
        """Keep every error, in the order of the file."""
        self.errors: tuple[str, ...] = tuple(errors)
        super().__init__("\n".join(self.errors))


class DuplicateHandler(WorkflowEngineError):
    """Two handlers claim one name."""


class UnknownRule(WorkflowEngineError, LookupError):
    """No row, or more than one, has the slug or name that was asked for."""


class ConditionFailed(WorkflowEngineError):
    """A condition could not be judged; its verdict is an error, neither yes nor no.

    `code` is one of `types.verdict.ERROR_CODES`.
    """

    def __init__(self, code: str, message: str = "") -> None:
        """Name the error by its code; the message is for the trace."""
        self.code = code
        super().__init__(message or code)


class AttemptFailed(WorkflowEngineError):
    """An attempt of an action did not succeed; carries what the other side answered.

    `status` is the number it gave, None if there was none; `response` is plain JSON.
    """

    def __init__(
        self, message: str = "", *, status: int | None = None, response: Any = None
    ) -> None:
        """Keep the answer; the message is for people and the delivery."""
        self.status = status
        self.response = response
        super().__init__(message)


class EndpointFailed(AttemptFailed, Retryable):
    """The other side could not be reached or could not serve; a later attempt may do."""


class RetryAfter(AttemptFailed, Retryable):
    """Raised by a handler: try this item again after `seconds`."""

    def __init__(
        self,
        seconds: float,
        message: str = "",
        *,
        status: int | None = None,
        response: Any = None,
    ) -> None:
        """Ask for the next attempt no sooner than `seconds` from now."""
        self.seconds = seconds
        super().__init__(
            message or f"asked to wait {seconds} s", status=status, response=response
        )


class Permanent(AttemptFailed):
    """Raised by a handler: no later attempt can succeed."""


class EndpointGone(Permanent):
    """The endpoint says that it is gone for good; the action is to be switched off."""


class BlockedAddress(Permanent):
    """The address is not public, and so nothing is sent to it."""


class HandlerMissing(Permanent):
    """No handler of this kind is registered in this process."""


class InvalidItem(WorkflowEngineError, ValueError):
    """An item was refused before anything was written; `argument` names what is wrong."""

    def __init__(self, argument: str, message: str) -> None:
        """Say what is wrong with one argument."""
        self.argument = argument
        super().__init__(f"{argument} {message}")


class InvalidPause(WorkflowEngineError, ValueError):
    """A pause was refused, and items go on as before."""


class AlreadyRunning(WorkflowEngineError, RuntimeError):
    """Started twice; stop it first."""


class NotStarted(WorkflowEngineError, RuntimeError):
    """Used before its start or after its stop; start it first."""


class CacheUnavailable(Retryable):
    """The cache server did not answer a command as it should.

    Attributes:
        reason: One word: timeout, connection, readonly, loading, noperm, masterdown,
            replica, no_identity, script, other; while closed: breaker.
        closes: Whether the process must stop caching at once, not after some errors.
    """

    def __init__(self, reason: str, message: str, *, closes: bool = False) -> None:
        """Keep the facts."""
        self.reason = reason
        self.closes = closes
        super().__init__(message)


class AccessDeclaredTwice(WorkflowEngineError, ValueError):
    """Two accesses have one name, under which their entries would be mixed."""
