"""A span: what is told of it, and that nothing of it ever reaches the work."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import StatusCode

from tests.telemetry.recording import Recording, linked, providing, told
from workflow_engine import telemetry

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def recording() -> Iterator[Recording]:
    """Return what is told to a project that traces."""
    found = Recording()
    with providing(found.processor):
        yield found


def test_span__children_and_attributes(recording: Recording) -> None:
    with telemetry.span("outer", links=[TRACEPARENT, "", "nonsense"], events=2) as it:
        with telemetry.span("inner"):
            pass
        it.set(outcome="fired")

    (outer,) = recording.named("outer")
    assert recording.tree() == ["outer", ["inner"]]
    assert told(outer) == {"events": 2, "outcome": "fired"}
    assert linked(outer) == [0x00F067AA0BA902B7]


def test_span__error_is_told_by_its_class_alone(recording: Recording) -> None:
    with pytest.raises(ValueError, match="hunter2"), telemetry.span("outer"):
        raise ValueError("password=hunter2")

    (outer,) = recording.spans
    assert outer.status.status_code is StatusCode.ERROR
    assert told(outer) == {"error.type": "ValueError"}
    assert [dict(event.attributes or {}) for event in outer.events] == [
        {"exception.type": "ValueError"}
    ]
    assert "hunter2" not in outer.to_json()


def test_span__detour_is_no_error(recording: Recording) -> None:
    with pytest.raises(telemetry.Detour), telemetry.span("outer"):
        raise telemetry.Detour

    (outer,) = recording.spans
    assert outer.status.status_code is StatusCode.UNSET
    assert told(outer) == {"detour": "Detour"}


def test_traceparent__names_the_current_span(recording: Recording) -> None:
    outside = telemetry.traceparent()
    with telemetry.span("outer"):
        inside = telemetry.traceparent()

    (outer,) = recording.spans
    named = outer.get_span_context()
    assert outside == ""
    assert named is not None
    assert inside.startswith(f"00-{named.trace_id:032x}-{named.span_id:016x}-")


def test_span__off(recording: Recording, settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"TELEMETRY": "off"}

    with telemetry.span("outer", links=map(_refused, "x")) as outer:
        named = telemetry.traceparent()
        outer.set(events=1)

    assert (outer.is_told, named, recording.spans) == (False, "", [])


def test_span__project_that_does_not_trace() -> None:
    with telemetry.span("outer", links=map(_refused, "x")) as outer:
        named = telemetry.traceparent()

    assert (outer.is_told, named) == (False, "")


def _refused(_: str) -> str:
    raise AssertionError("nobody listens, so nothing is worked out")


class Raising(SpanProcessor):
    """Part of a project that traces, and that fails when a span begins or ends."""

    def __init__(self, at: str) -> None:
        self._at = at

    def on_start(self, *_: Any, **__: Any) -> None:
        self._fail("start")

    def on_end(self, *_: Any) -> None:
        self._fail("end")

    def _fail(self, at: str) -> None:
        if at == self._at:
            raise RuntimeError(f"no {at}")


@pytest.mark.parametrize("at", ["start", "end"])
def test_span__project_whose_tracing_raises(at: str) -> None:
    done = []
    with providing(Raising(at)):
        with telemetry.span("outer", links=["x"]) as outer:
            outer.set(event_id=object())  # type: ignore[arg-type] # refused by any
            done.append("work")
        with pytest.raises(KeyError), telemetry.span("outer"):
            raise KeyError

    assert done == ["work"]
    assert telemetry.traceparent() == ""


WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == "opentelemetry" or name.startswith("opentelemetry."):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import django
django.setup()
from workflow_engine import telemetry
import workflow_engine.processing.execution
with telemetry.span("outer") as outer:
    print(outer.is_told, repr(telemetry.traceparent()))
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


@pytest.mark.django_db
def test_span__without_opentelemetry(child_environment: dict[str, str]) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        env=child_environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (answer.stdout, answer.stderr) == ("False ''\n[]\n", "")
