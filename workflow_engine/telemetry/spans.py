"""Spans: one step of work, told to whoever traces; nothing at all where nobody does.

Told are ids, numbers and outcomes, never what an event or a rule holds; of an error its
class. Nothing here raises, whatever becomes of the telling.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from types import TracebackType
from typing import Final, Protocol, Self, TypeAlias

from workflow_engine.conf import options

logger = logging.getLogger(__name__)

Attribute: TypeAlias = str | int | float | bool

#: Before the name of every span and attribute.
PREFIX: Final = "workflow_engine."

_TELLER: Final = "workflow_engine.telemetry.otel"


class Detour(Exception):
    """Control flow, and no error: a span it leaves says its name and has not failed."""


class Span(Protocol):
    """A step, begun and ended by `with`; inside are its children.

    Attributes:
        is_told: Whether anybody listens; what costs time is worked out only then.
    """

    is_told: bool

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...

    def set(self, **attributes: Attribute) -> None:
        """Add what is known by now."""
        ...


class Teller(Protocol):
    """What makes spans; None = nobody listens at present."""

    def span(
        self, name: str, links: Iterable[str], attributes: Mapping[str, Attribute]
    ) -> Span | None:
        """Return a step to be begun, linked to those of some `traceparent` texts."""
        ...

    def traceparent(self) -> str:
        """Return the name of the current span, "" for none."""
        ...


class _Silence:
    """A span that nobody is told of; one for all, since it holds nothing."""

    is_told = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let errors through."""

    def set(self, **_: Attribute) -> None:
        """Tell nobody."""


_SILENCE: Final = _Silence()


def span(name: str, *, links: Iterable[str] = (), **attributes: Attribute) -> Span:
    """Return the span of a step, child of the current one; without a listener it is nothing.

    Args:
        name: Of the step, without the prefix.
        links: `traceparent` texts of the spans that led to it; "" is none. Not looked at
            without a listener.
        attributes: Ids and numbers, without the prefix.
    """
    teller = _teller()
    if teller is None:
        return _SILENCE
    return teller.span(name, links, attributes) or _SILENCE


def traceparent() -> str:
    """Return the name of the current span as the W3C has it, "" for none.

    To be kept with what is done later, and given as a link then.
    """
    teller = _teller()
    return "" if teller is None else teller.traceparent()


def _teller() -> Teller | None:
    return None if options.TELEMETRY == "off" else _loaded()


@cache
def _loaded() -> Teller | None:
    """Return what knows OpenTelemetry; None when that is not there, or broken."""
    try:
        teller: Teller = import_module(_TELLER).TELLER
    except ModuleNotFoundError:
        return None
    except Exception:
        logger.exception(
            "OpenTelemetry is installed and cannot be used.",
            extra={"action": "load_telemetry"},
        )
        return None
    return teller
