"""Tour: what the demo tells of each event, in a line or two."""

from __future__ import annotations

from collections.abc import Iterator

from django.utils.timezone import localtime

from workflow_engine.management.telling import condition_text
from workflow_engine.types.detection import Change
from workflow_engine.types.reasons import Reason, Result
from workflow_engine.types.trace import ActionLine, DetectorLine, Trace, WorkflowLine
from workflow_engine.types.verdict import GroupVerdict, Verdict

_RESULTS = {
    Result.FIRED: "FIRED",
    Result.HELD: "held",
    Result.FAILED: "failed",
    Result.NO_MATCH: "no match",
}


def event_text(trace: Trace) -> str:
    """Return one line: what came in, what became of it, and why."""
    facts = ", ".join(f"{key} {item}" for key, item in (trace.event.data or {}).items())
    about = f"{trace.event.subject} {facts}".ljust(22)
    reasons = "; ".join(_reasons(trace))
    return f"{about} {_RESULTS[trace.result].ljust(9)} {trace.reason.value.ljust(12)} {reasons}"


def _reasons(trace: Trace) -> Iterator[str]:
    for asked in trace.detectors:
        yield from _detector(asked)
    for line in trace.workflows:
        yield from _workflow(line, trace)


def _detector(line: DetectorLine) -> Iterator[str]:
    found = line.detection
    if found is not None and found.change is not Change.REPEATED:
        before, after = found.previous_priority.label, found.priority.label
        yield f"{found.change.value}: {before} -> {after}"
    elif found is None and line.trigger is not None and not line.trigger.passes:
        yield _failing(line.trigger)
    elif line.reason is Reason.COUNTING:
        yield f"{line.detector} waits for another in a row"


def _failing(group: GroupVerdict) -> str:
    failed = [c for c in group.conditions if c.verdict is Verdict.FALSE]
    return "; ".join(condition_text(c) for c in failed[:1])


def _workflow(line: WorkflowLine, trace: Trace) -> Iterator[str]:
    if line.reason is Reason.ENVIRONMENT:
        yield f"{line.workflow} is for {line.environment} only"
    elif line.reason is Reason.WHEN and line.when is not None:
        yield f"{line.workflow}: {_failing(line.when)}"
    for fate in line.actions:
        yield _action(fate, trace)


def _action(fate: ActionLine, trace: Trace) -> str:
    if fate.held_until is not None:
        free = localtime(fate.held_until).strftime("%H:%M:%S")
        return f"{fate.action} held, next possible {free}"
    if fate.due_at is not None and fate.due_at > trace.decided_at:
        return f"{fate.action} due in {fate.delay_seconds} s"
    return f"{fate.action} {fate.reason.value}"
