"""OpenTelemetry: the one module that knows it; loaded by name, where its API is installed.

The project configures its SDK. Until it has, spans are not even begun.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextvars import Token
from functools import cache, lru_cache
from types import TracebackType
from typing import Final, Self

from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from workflow_engine.telemetry.spans import PREFIX, Attribute, Detour

logger = logging.getLogger(__name__)

_TRACEPARENT: Final = "traceparent"
_propagator: Final = TraceContextTextMapPropagator()


class OtelSpan:
    """A step as a span; whatever fails in telling it is logged once and left out."""

    is_told = True

    def __init__(
        self,
        tracer: trace.Tracer,
        name: str,
        links: Iterable[str],
        attributes: Mapping[str, Attribute],
    ) -> None:
        """Begin nothing yet."""
        self._tracer = tracer
        self._name = name
        self._links = links
        self._attributes = attributes
        self._span: trace.Span | None = None
        self._token: Token[context.Context] | None = None

    def __enter__(self) -> Self:
        try:
            self._span = self._tracer.start_span(
                f"{PREFIX}{self._name}",
                links=[link for text in self._links for link in _links_to(text)],
                attributes=_prefixed(self._attributes),
            )
            self._token = context.attach(trace.set_span_in_context(self._span))
        except Exception as error:  # noqa: BLE001 - the work goes on untold
            _tell_failure(type(error).__qualname__)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        try:
            if self._token is not None:
                context.detach(self._token)
            if self._span is not None:
                self._end(self._span, kind)
        except Exception as failure:  # noqa: BLE001 - the work is done
            _tell_failure(type(failure).__qualname__)

    @staticmethod
    def _end(span: trace.Span, kind: type[BaseException] | None) -> None:
        try:
            if kind is not None:
                _tell_error(span, kind)
        finally:
            span.end()

    def set(self, **attributes: Attribute) -> None:
        """Add attributes."""
        if self._span is None:
            return
        try:
            self._span.set_attributes(_prefixed(attributes))
        except Exception as error:  # noqa: BLE001 - the work goes on untold
            _tell_failure(type(error).__qualname__)


class Otel:
    """Makes spans by the provider that the project has configured, if it has."""

    def span(
        self, name: str, links: Iterable[str], attributes: Mapping[str, Attribute]
    ) -> OtelSpan | None:
        """Return a span to be begun; None while no provider is configured."""
        try:
            provider = trace.get_tracer_provider()
            if type(provider) is trace.ProxyTracerProvider:  # not configured yet
                return None
            return OtelSpan(_tracer(provider), name, links, attributes)
        except Exception as error:  # noqa: BLE001 - the work goes on untold
            _tell_failure(type(error).__qualname__)
            return None

    def traceparent(self) -> str:
        """Return the name of the current span, "" for none."""
        carrier: dict[str, str] = {}
        try:
            _propagator.inject(carrier)
        except Exception as error:  # noqa: BLE001 - what is done later is not linked
            _tell_failure(type(error).__qualname__)
        return carrier.get(_TRACEPARENT, "")


TELLER: Final = Otel()


@lru_cache(maxsize=1)
def _tracer(provider: trace.TracerProvider) -> trace.Tracer:
    return provider.get_tracer("workflow_engine")


def _links_to(text: str) -> list[trace.Link]:
    """Return the link to a span; none when the text names none."""
    if not text:
        return []
    found = _propagator.extract({_TRACEPARENT: text}, context.Context())
    named = trace.get_current_span(found).get_span_context()
    return [trace.Link(named)] if named.is_valid else []


def _prefixed(attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
    return {f"{PREFIX}{name}": value for name, value in attributes.items()}


def _tell_error(span: trace.Span, kind: type[BaseException]) -> None:
    """Say of which class an error is; its message may quote what nobody shall read."""
    name = kind.__qualname__
    if issubclass(kind, Detour):
        span.set_attributes(_prefixed({"detour": name}))
        return
    span.add_event("exception", {"exception.type": name})
    span.set_attributes({"error.type": name})
    span.set_status(trace.Status(trace.StatusCode.ERROR, name))


@cache
def _tell_failure(name: str) -> None:
    """Log a failure of telemetry, each kind once: every event would repeat it."""
    logger.error(
        "A span could not be told; the work goes on.",
        exc_info=True,  # noqa: LOG014 - called where an error is handled
        extra={"action": "tell_span", "error_class": name},
    )
