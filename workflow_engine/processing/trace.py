"""Trace: what the lines of one event come to, and how an outcome is told."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from workflow_engine.types.outcome import (
    ActionOutcome,
    DetectionOutcome,
    FiringOutcome,
    Outcome,
    WorkflowOutcome,
)
from workflow_engine.types.reasons import Reason, Result, first_reason, result_of
from workflow_engine.types.trace import ActionLine, DetectorLine, Trace, WorkflowLine


def join_lines(lines: Sequence[WorkflowLine]) -> tuple[WorkflowLine, ...]:
    """Return one line per workflow: an ending adds its actions to the line of a beginning."""
    joined: dict[int, WorkflowLine] = {}
    for line in lines:
        first = joined.get(line.workflow_id)
        if first is None:
            joined[line.workflow_id] = line
            continue
        reason = first_reason([first.reason, line.reason])
        joined[line.workflow_id] = msgspec.structs.replace(
            first,
            actions=first.actions + line.actions,
            detectors=tuple(dict.fromkeys(first.detectors + line.detectors)),
            reason=reason,
            result=result_of(reason),
        )
    return tuple(joined[key] for key in sorted(joined))


def verdict_of(
    detectors: Sequence[DetectorLine], workflows: Sequence[WorkflowLine]
) -> tuple[Result, Reason]:
    """Return the first result that a workflow has, with the reason of its lowest id.

    Without workflows it is the first detector's reason.
    """
    for result in Result:
        for line in workflows:
            if line.result is result:
                return result, line.reason
    for asked in detectors:
        if asked.reason is not None:
            return result_of(asked.reason), asked.reason
    return Result.NO_MATCH, Reason.NO_DETECTOR


def outcome_of(trace: Trace) -> Outcome:
    """Return what became of the event, as the public API says it."""
    fates = [(w, a) for w in trace.workflows for a in w.actions if a.due_at is not None]
    return Outcome(
        source=trace.event.source,
        id=trace.event.id,
        item=trace.item,
        time=trace.event.time,
        outcome=trace.result,
        reason=trace.reason,
        detections=tuple(_detection(line) for line in trace.detectors),
        workflows=tuple(_workflow(line) for line in trace.workflows),
        firings=tuple(
            FiringOutcome(workflow=w.workflow, action=a.action, due=a.due_at)
            for w, a in fates
            if a.due_at is not None
        ),
    )


def _detection(line: DetectorLine) -> DetectionOutcome:
    found = line.detection
    if found is None:
        return DetectionOutcome(detector=line.detector, reason=line.reason)
    return DetectionOutcome(
        detector=line.detector,
        reason=line.reason,
        change=found.change.value,
        from_=found.previous_priority.label,
        to=found.priority.label,
    )


def _workflow(line: WorkflowLine) -> WorkflowOutcome:
    return WorkflowOutcome(
        workflow=line.workflow,
        outcome=line.result,
        reason=line.reason,
        actions=tuple(_action(fate) for fate in line.actions),
    )


def _action(fate: ActionLine) -> ActionOutcome:
    return ActionOutcome(
        action=fate.action,
        outcome=result_of(fate.reason),
        reason=fate.reason,
        due=fate.due_at,
    )
