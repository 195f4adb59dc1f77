"""Decisions: rows made from traces, redacted and bounded; which of them are kept."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from django.db import transaction

from workflow_engine.conf import options
from workflow_engine.models import Decision, Workflow, WorkflowDecision
from workflow_engine.processing.redact import (
    EVENT_BYTES,
    REDACTED,
    redact,
    secrets,
    shorten,
)
from workflow_engine.types.data import storable_text
from workflow_engine.types.event import JSON, Event, to_message
from workflow_engine.types.reasons import Reason, Result
from workflow_engine.types.secrets import Secrets
from workflow_engine.types.trace import Trace, WorkflowLine, to_detail

DETAIL_BYTES: Final = 32_768
_VALUES: Final = ("seen", "wanted", "value")  # what an event or a rule brought along
_SENTENCES: Final = ("message", "note")
_CUTS: Final = (
    (*_VALUES, *_SENTENCES),
    ("conditions",),
    ("trigger", "when", "ifs", "actions"),
)  # of a line that is too long, one after the other
_SHARES: Final = 2**32  # a hash of so many values decides what is sampled


def is_sampled(trace: Trace) -> bool:
    """Whether a decision that neither fired nor was held is kept; the same on every retry."""
    if trace.is_followed or trace.result in {Result.FIRED, Result.HELD}:
        return True
    share: float = options.TRACE_SHARE[trace.result.value]
    return int(trace.event.key[:8], 16) < share * _SHARES


def write_decisions(traces: Sequence[Trace], *, using: str) -> None:
    """Insert the decisions and their lines; two statements, none for no traces."""
    if not traces:
        return
    lines = [_line(trace, line) for trace in traces for line in trace.workflows]
    _insert(traces, lines, using)


def write_old_decisions(traces: Sequence[Trace], *, using: str) -> None:
    """Insert decisions that have waited: a workflow of theirs may be gone. One query more."""
    if not traces:
        return
    lines = [_line(trace, line) for trace in traces for line in trace.workflows]
    named = {line.workflow_id for line in lines if line.workflow_id is not None}
    rows = Workflow.objects.using(using).filter(pk__in=named)
    there = set(rows.values_list("pk", flat=True))
    for line in lines:
        if line.workflow_id not in there:
            line.workflow_id = None
    with transaction.atomic(using=using):
        _insert(traces, lines, using)


def _insert(
    traces: Sequence[Trace], lines: Sequence[WorkflowDecision], using: str
) -> None:
    Decision.objects.using(using).bulk_create([_decision(t) for t in traces])
    WorkflowDecision.objects.using(using).bulk_create(lines)


def _decision(trace: Trace) -> Decision:
    event = trace.event
    has_error = any(line.has_error for line in trace.detectors) or any(
        line.has_error for line in trace.workflows
    )
    return Decision(
        uuid=uuid.UUID(trace.id),
        event_source=event.source,
        event_id=event.id,
        event_type=event.type,
        environment=event.environment,
        subject=event.subject,
        event_time=event.time,
        decided_at=trace.decided_at,
        outcome=trace.result.value,
        reason=trace.reason.value,
        has_error=has_error,
        event=kept_event(event),
        detail=bounded({"detectors": [to_detail(line) for line in trace.detectors]}),
        duration_us=trace.duration_us,
        worker=f"{socket.gethostname()}:{os.getpid()}"[:200],
    )


def _line(trace: Trace, line: WorkflowLine) -> WorkflowDecision:
    gone = line.reason is Reason.WORKFLOW_GONE
    return WorkflowDecision(
        decision_id=uuid.UUID(trace.id),
        workflow_id=None if gone else line.workflow_id,
        workflow_slug=line.workflow,
        revision=line.revision,
        outcome=line.result.value,
        reason=line.reason.value,
        has_error=line.has_error,
        detail=bounded(to_detail(line)),
    )


def kept_event(event: Event) -> dict[str, JSON]:
    """Return what is kept of an event: redacted, its data cut when it is long."""
    kept: dict[str, JSON] = redact(to_message(event))
    del kept["accepted_at"]
    if len(msgspec.json.encode(kept)) > EVENT_BYTES:
        rest = len(msgspec.json.encode({**kept, "data": None}))
        kept["data"] = shorten(kept["data"], max(0, EVENT_BYTES - rest) // 4)
    return kept


def bounded(detail: dict[str, Any]) -> dict[str, Any]:
    """Return a line without secrets, long values cut.

    If it is still long, it goes without its values, then its conditions, then its parts.
    """
    hidden = secrets(detail.get("value_path", ""))
    kept: dict[str, Any] = _without_secrets(detail, hidden)
    for keys in _CUTS:
        if len(msgspec.json.encode(kept)) <= DETAIL_BYTES:
            break
        kept = _without(keys, kept)
    return kept


def _without_secrets(value: Any, hidden: Secrets) -> Any:
    """Go through the verdicts in a line; what was looked at is known by its `path`."""
    if isinstance(value, list | tuple):
        return [_without_secrets(item, hidden) for item in value]
    if isinstance(value, str):
        return storable_text(value)
    if not isinstance(value, dict):
        return value
    path = value.get("path")
    secret = isinstance(path, str) and path != "" and hidden.leads_to(path)
    kept = {
        key: (REDACTED if secret else shorten(hidden.redact(item)))
        if key in _VALUES
        else _without_secrets(item, hidden)
        for key, item in value.items()
    }
    for name in _SENTENCES:
        if secret and kept.get(name):
            kept[name] = REDACTED  # what a handler raised may quote the value
    return kept


def _without(keys: Collection[str], value: Any) -> Any:
    if isinstance(value, list):
        return [_without(keys, item) for item in value]
    if not isinstance(value, dict):
        return value
    return {k: _without(keys, v) for k, v in value.items() if k not in keys}
