"""Rehearsal: explain with the actions rendered, addressed and signed, but not sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from workflow_engine import actions
from workflow_engine.conf import options
from workflow_engine.lookups import workflows
from workflow_engine.processing.ledger import DryLedger
from workflow_engine.processing.match import leading
from workflow_engine.processing.pipeline import trace_events
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
    fates = tuple(
        _noted(fate, carried[fate.action_id], workflow, trace, now)
        if fate.due_at is not None and fate.action_id in carried
        else fate
        for fate in line.actions
    )
    return msgspec.structs.replace(line, actions=fates)


def _noted(
    fate: ActionLine,
    action: ActionSnapshot,
    workflow: WorkflowSnapshot,
    trace: Trace,
    now: datetime,
) -> ActionLine:
    """Add what the action would have sent, or why it could not."""
    found = leading([d.detection for d in trace.detectors if d.detection is not None])
    attempt = actions.rehearse(
        action.kind,
        actions.Firing(
            uuid=fate.firing,
            event=trace.event,
            detection=found[0] if found else None,
            workflow_slug=workflow.slug,
            workflow_name=workflow.name,
            action_slug=action.slug,
            now=now,
            timeout_seconds=options.ACTION_SECONDS,
        ),
        action.config,
    )
    return msgspec.structs.replace(fate, note=_sentence(attempt))


def _sentence(attempt: actions.Attempt) -> str:
    if attempt.error is not None:
        return f"would fail: {type(attempt.error).__name__}: {attempt.error}"
    parts: Iterable[str] = (attempt.delivery.endpoint, *attempt.delivery.notes)
    return "; ".join(part for part in parts if part)
