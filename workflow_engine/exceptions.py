"""Every error this app raises on purpose: facts as attributes, the cure in the message."""

from __future__ import annotations

from dataclasses import dataclass


class WorkflowEngineError(Exception):
    """Base of every error of this app."""


class Retryable(WorkflowEngineError):  # noqa: N818 - a claim about the error, read by callers
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
    ordered by index, then attribute name.
    """

    def __init__(self, problems: list[EventProblem]) -> None:
        """Keep every problem, in order."""
        self.errors: tuple[tuple[int, str, str, str], ...] = tuple(
            (p.index, p.code, p.attribute, p.message) for p in sorted(problems)
        )
        super().__init__("; ".join(message for *_, message in self.errors))


class SubmitFailed(Retryable):
    """Neither the broker nor the database took the event; submit it again."""


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


class RetryAfter(Retryable):
    """Raised by a handler: try this item again after `seconds`."""

    def __init__(self, seconds: float, message: str = "") -> None:
        """Ask for the next attempt no sooner than `seconds` from now."""
        self.seconds = seconds
        super().__init__(message or f"asked to wait {seconds} s")


class Permanent(WorkflowEngineError):
    """Raised by a handler: no later attempt can succeed."""
