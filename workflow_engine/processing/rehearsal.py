"""Rehearsal: explain with the actions rendered, addressed and signed, but not sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import msgspec

from workflow_engine import actions
from workflow_engine.conf import options
from workflow_engine.lookups import workflows
from workflow_engine.processing.ledger import DryLedger
from workflow_engine.processing.pipeline import trace_events
from workflow_engine.queue import failure_of
from workflow_engine.types.detection import Change, Detection
from workflow_engine.types.event import Event
from workflow_engine.types.snapshots import Absent, ActionSnapshot, WorkflowSnapshot
from workflow_engine.types.trace import ActionLine, Trace, WorkflowLine


def explain(event: Event, now: datetime) -> Trace:
    """Return what would become of the event now; nothing is written and nothing sent."""
    (trace,) = trace_events([event], DryLedger(), now)
    found = workflows.get_many([line.workflow_id for line in trace.workflows])
    lines = [
        _rehearsed(line, found[line.workflow_id], trace, now)
        for line in trace.workflows
    ]
    return msgspec.structs.replace(trace, workflows=tuple(lines))


def _rehearsed(
    line: WorkflowLine,
    workflow: WorkflowSnapshot | Absent,
    trace: Trace,
    now: datetime,
) -> WorkflowLine:
    if isinstance(workflow, Absent):
        return line
    carried = {c.action.id: c.action for i in workflow.ifs for c in i.actions}
    basis = actions.Firing(
        uuid="",
        event=trace.event,
        detection=_leading(line, trace),
        workflow_slug=workflow.slug,
        workflow_name=workflow.name,
        now=now,
        timeout_seconds=options.ACTION_SECONDS,
    )
    fates = tuple(
        _noted(fate, carried[fate.action_id], basis)
        if fate.due_at is not None and fate.action_id in carried
        else fate
        for fate in line.actions
    )
    return msgspec.structs.replace(line, actions=fates)


def _leading(line: WorkflowLine, trace: Trace) -> Detection | None:
    """Return the detection that led to this workflow."""
    said = {d.detector: d.detection for d in trace.detectors}
    return said.get(line.detectors[0]) if line.detectors else None


def _noted(
    fate: ActionLine, action: ActionSnapshot, basis: actions.Firing
) -> ActionLine:
    """Add what the action would have sent, or why it could not."""
    found = basis.detection
    is_over = found is not None and found.change is Change.RESOLVED
    firing = replace(
        basis,
        uuid=fate.firing,
        action_slug=action.slug,
        purpose="resolve" if is_over else "trigger",
    )
    attempt = actions.rehearse(action.kind, firing, action.config)
    return msgspec.structs.replace(fate, note=_sentence(attempt))


def _sentence(attempt: actions.Attempt) -> str:
    if attempt.error is not None:
        failure = failure_of(attempt.error)
        return f"would fail: {failure.error_class}: {failure.error}"
    parts: Iterable[str] = (attempt.delivery.endpoint, *attempt.delivery.notes)
    return "; ".join(part for part in parts if part)
