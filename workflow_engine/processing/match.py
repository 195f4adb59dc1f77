"""Match: which workflows of the detections should act, and what is still to be asked.

Pure: one workflow, one event, one leading detection in; a line and what follows from it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from workflow_engine import registry
from workflow_engine.conditions import judge
from workflow_engine.exceptions import ConditionFailed
from workflow_engine.types.detection import Detection, to_facts
from workflow_engine.types.event import Event
from workflow_engine.types.facts import Facts
from workflow_engine.types.reasons import Reason, result_of
from workflow_engine.types.snapshots import (
    Absent,
    ConditionSnapshot,
    GroupSnapshot,
    IfGroupSnapshot,
    WorkflowId,
    WorkflowSnapshot,
)
from workflow_engine.types.trace import IfLine, WorkflowLine
from workflow_engine.types.verdict import GroupVerdict, Verdict


class Matched(msgspec.Struct, frozen=True, kw_only=True):
    """What one workflow says of one event.

    Attributes:
        line: Its line of the trace; the actions are added by the plan.
        workflow: The snapshot it was judged by; None when the row is gone.
        detection: The leading detection.
        passing: If-groups that act now.
        pending: Ids of if-groups that wait for slow conditions.
        counted: Frequency conditions for which this event counts.
    """

    line: WorkflowLine
    workflow: WorkflowSnapshot | None = None
    detection: Detection
    passing: tuple[IfGroupSnapshot, ...] = ()
    pending: tuple[int, ...] = ()
    counted: tuple[ConditionSnapshot, ...] = ()

    @property
    def is_match(self) -> bool:
        """Whether the workflow should act, acts later, or would have if it were not held."""
        return bool(self.passing or self.pending) or self.line.reason is Reason.SNOOZED


def leading(detections: Sequence[Detection]) -> tuple[Detection, ...]:
    """Return the detections, the leading one first: highest priority, then lowest id."""
    return tuple(sorted(detections, key=lambda d: (-d.priority, d.detector_id)))


def facts_of(event: Event, detection: Detection) -> Facts:
    """Return the event and its leading detection by path."""
    return Facts(event, detection=to_facts(detection))


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """What is different when a workflow is judged once more, for an item.

    Attributes:
        only: Ids of the if-groups that waited; None = all.
        answers: What slow conditions answered, by condition id; None = not asked yet.
    """

    only: frozenset[int] | None = None
    answers: Mapping[int, bool | ConditionFailed] | None = None


FIRST: Final = Again()  # nothing is known more: the event has just come


def match(
    event: Event,
    workflow_id: WorkflowId,
    workflow: WorkflowSnapshot | Absent,
    detections: Sequence[Detection],
    now: datetime,
    again: Again = FIRST,
) -> Matched:
    """Judge a workflow for an event; `detections` must not be empty."""
    ordered = leading(detections)
    names = tuple(d.detector for d in ordered)
    if isinstance(workflow, Absent):
        line = WorkflowLine(
            workflow_id=workflow_id,
            workflow="",
            result=result_of(Reason.WORKFLOW_GONE),
            reason=Reason.WORKFLOW_GONE,
            detectors=names,
        )
        return Matched(line=line, detection=ordered[0])
    stop = _stopped(event, workflow)
    if stop is not None:
        line = _line(workflow, stop, names)
        return Matched(line=line, workflow=workflow, detection=ordered[0])
    judged = _judge(facts_of(event, ordered[0]), workflow, again)
    return _conclude(workflow, judged, ordered, names, now)


def _judge(facts: Facts, workflow: WorkflowSnapshot, again: Again) -> _Judged:
    only, answers = again.only, again.answers
    ifs = [i for i in workflow.ifs if only is None or i.group.id in only]
    return _Judged(
        when=judge(workflow.when, facts, answers),
        ifs=tuple((i, judge(i.group, facts, answers)) for i in ifs),
    )


def _stopped(event: Event, workflow: WorkflowSnapshot) -> Reason | None:
    if not workflow.enabled:
        return Reason.WORKFLOW_DISABLED
    if workflow.environment is not None and workflow.environment != event.environment:
        return Reason.ENVIRONMENT
    return None


class _Judged(msgspec.Struct, frozen=True, kw_only=True):
    """The groups of a workflow with their verdicts."""

    when: GroupVerdict | None
    ifs: tuple[tuple[IfGroupSnapshot, GroupVerdict | None], ...]

    @property
    def when_verdict(self) -> Verdict:
        return Verdict.TRUE if self.when is None else self.when.verdict

    @property
    def is_open(self) -> bool:
        """Whether the when-group lets anything through, now or later."""
        return self.when_verdict in {Verdict.TRUE, Verdict.PENDING}

    def having(self, *verdicts: Verdict) -> tuple[IfGroupSnapshot, ...]:
        """Return the if-groups with one of these verdicts, if the when-group is open."""
        if not self.is_open:
            return ()
        return tuple(i for i, v in self.ifs if v is not None and v.verdict in verdicts)


def _conclude(
    workflow: WorkflowSnapshot,
    judged: _Judged,
    detections: tuple[Detection, ...],
    names: tuple[str, ...],
    now: datetime,
) -> Matched:
    if judged.when_verdict is Verdict.PENDING:
        passing: tuple[IfGroupSnapshot, ...] = ()
        waiting = judged.having(Verdict.TRUE, Verdict.PENDING)
    else:
        passing = judged.having(Verdict.TRUE)
        waiting = judged.having(Verdict.PENDING)
    reason = _reason(judged, passing, waiting)
    snoozed = workflow.snoozed_until is not None and now < workflow.snoozed_until
    if snoozed and (passing or waiting):
        reason, passing, waiting = Reason.SNOOZED, (), ()
    return Matched(
        line=_line(workflow, reason, names, judged, detections[0].path),
        workflow=workflow,
        detection=detections[0],
        passing=passing,
        pending=tuple(i.group.id for i in waiting),
        counted=_counted(workflow, judged),
    )


def _reason(
    judged: _Judged,
    passing: tuple[IfGroupSnapshot, ...],
    waiting: tuple[IfGroupSnapshot, ...],
) -> Reason:
    """The reason so far; a workflow that passes gets its own from its actions."""
    if not judged.is_open:
        failed = judged.when_verdict is Verdict.ERROR
        return Reason.CONDITION_ERROR if failed else Reason.WHEN
    if passing or waiting:
        return Reason.SENT if passing else Reason.PENDING
    if not judged.ifs:
        return Reason.NO_IF_GROUP
    failed = bool(judged.having(Verdict.ERROR))
    return Reason.CONDITION_ERROR if failed else Reason.IF


def _counted(
    workflow: WorkflowSnapshot, judged: _Judged
) -> tuple[ConditionSnapshot, ...]:
    """Frequency conditions that fast conditions have not already made pointless."""
    if not judged.is_open:
        return ()
    groups = [] if workflow.when is None else [workflow.when]
    groups += [i.group for i in judged.having(Verdict.TRUE, Verdict.PENDING)]
    return tuple(c for g in groups for c in g.conditions if _counts_events(c))


def _counts_events(condition: ConditionSnapshot) -> bool:
    return condition.type == "frequency" and not condition.problem


def slow_conditions(group: GroupSnapshot | None) -> tuple[ConditionSnapshot, ...]:
    """Return the conditions of a group that are asked later, not during the event."""
    if group is None:
        return ()
    return tuple(c for c in group.conditions if _is_slow(c))


def _is_slow(condition: ConditionSnapshot) -> bool:
    entry = registry.conditions.get(condition.type)
    return entry is not None and entry.slow and not condition.problem


def _line(
    workflow: WorkflowSnapshot,
    reason: Reason,
    names: tuple[str, ...],
    judged: _Judged | None = None,
    value_path: str = "",
) -> WorkflowLine:
    verdicts = [] if judged is None else [judged.when, *(v for _, v in judged.ifs)]
    return WorkflowLine(
        workflow_id=workflow.id,
        workflow=workflow.slug,
        name=workflow.name,
        revision=workflow.revision,
        result=result_of(reason),
        reason=reason,
        environment=workflow.environment,
        detectors=names,
        value_path=value_path,
        when=None if judged is None else judged.when,
        ifs=tuple(
            IfLine(position=i.group.position, verdict=v)
            for i, v in (() if judged is None else judged.ifs)
            if v is not None
        ),
        # An error in a group that is true or false all the same changes nothing.
        has_error=any(v.error for v in verdicts if v),
    )
