"""Telemetry: the steps of the engine as spans of OpenTelemetry, where that is installed.

What is not known here: which steps there are, and who receives the spans; that is for the
project to configure.
"""

from workflow_engine.telemetry.spans import (
    Attribute,
    Detour,
    Span,
    span,
    traceparent,
)

__all__ = ["Attribute", "Detour", "Span", "span", "traceparent"]
