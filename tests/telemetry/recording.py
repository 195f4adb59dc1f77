"""Recording: spans that are kept in memory, read as a tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

PREFIX = "workflow_engine."


class Recording:
    """The spans that have ended, the first to end first."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.processor: SpanProcessor = SimpleSpanProcessor(self._exporter)

    @property
    def spans(self) -> list[ReadableSpan]:
        """All of them."""
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        """Return those of a name, without its prefix."""
        return [span for span in self.spans if span.name == f"{PREFIX}{name}"]

    def tree(self, parent: ReadableSpan | None = None) -> list[str | list[object]]:
        """Return the names below a span, in order of their beginning.

        After a name that has children stands the list of these.
        """
        above = None if parent is None else _id(parent)
        found: list[str | list[object]] = []
        for span in sorted(self.spans, key=lambda s: s.start_time or 0):
            if (None if span.parent is None else span.parent.span_id) != above:
                continue
            found.append(span.name.removeprefix(PREFIX))
            children = self.tree(span)
            if children:
                found.append(list(children))
        return found

    def clear(self) -> None:
        """Forget all that has ended."""
        self._exporter.clear()


def _id(span: ReadableSpan) -> int:
    named = span.get_span_context()
    assert named is not None
    return named.span_id


def linked(span: ReadableSpan) -> list[int]:
    """Return the ids of the spans that a span is linked to."""
    return [link.context.span_id for link in span.links]


def told(span: ReadableSpan) -> dict[str, object]:
    """Return the attributes of a span, without their prefix."""
    return {
        name.removeprefix(PREFIX): value
        for name, value in (span.attributes or {}).items()
    }


@contextmanager
def providing(processor: SpanProcessor) -> Iterator[None]:
    """Have a project that traces, for as long as the block lasts."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    with pytest.MonkeyPatch.context() as patch:
        # A provider can be set once in a process; this is where it is kept.
        patch.setattr(trace, "_TRACER_PROVIDER", provider)
        yield
