"""A decision as the engine keeps it, made from the lines of its own types."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.factories import DecisionFactory, WorkflowDecisionFactory
from workflow_engine import clock
from workflow_engine.models import Decision, Workflow
from workflow_engine.types import Detection, Priority, Reason, Result
from workflow_engine.types.detection import Change
from workflow_engine.types.trace import (
    ActionLine,
    DetectorLine,
    IfLine,
    WorkflowLine,
    to_detail,
)
from workflow_engine.types.verdict import ConditionVerdict, GroupVerdict, Verdict


def condition(verdict: Verdict | None, **fields: Any) -> ConditionVerdict:
    """Return what "data.failed is at least 5" answered."""
    given = {"path": "data.failed", "seen": 2, "wanted": {"value": 5}, **fields}
    return ConditionVerdict(id=1, type="gte", verdict=verdict, **given)


def group(
    verdict: Verdict, *conditions: ConditionVerdict, logic: str = "all"
) -> GroupVerdict:
    """Return what a group answered."""
    return GroupVerdict(id=1, logic=logic, verdict=verdict, conditions=conditions)


def workflow_line(reason: Reason, result: Result, **fields: Any) -> WorkflowLine:
    """Return the line of a workflow."""
    given = {"workflow_id": 1, "workflow": "tell-the-team", **fields}
    return WorkflowLine(result=result, reason=reason, **given)


def held_action() -> ActionLine:
    """Return an action held by its interval."""
    return ActionLine(
        action_id=1,
        action="email-ops",
        position=0,
        reason=Reason.INTERVAL,
        held_until=clock.now() + timedelta(minutes=18),
        note="last fired 12 min before",
    )


def decided(workflow: Workflow, line: WorkflowLine | None = None) -> Decision:
    """Write the decision of an event that was held by an interval, or of another line."""
    passed = condition(Verdict.TRUE, seen=9)
    line = line or workflow_line(
        Reason.INTERVAL,
        Result.HELD,
        environment="production",
        when=group(
            Verdict.TRUE, condition(Verdict.FALSE, path="data.test"), logic="none"
        ),
        ifs=(
            IfLine(
                position=0,
                verdict=group(Verdict.TRUE, passed, condition(None), logic="any_short"),
            ),
        ),
        actions=(held_action(),),
    )
    detector = DetectorLine(
        detector_id=1,
        detector="failed-logins",
        kind="event",
        trigger=group(Verdict.TRUE, passed),
        detection=Detection(
            detector_id=1,
            detector="failed-logins",
            change=Change.OPENED,
            priority=Priority.HIGH,
            value=9,
        ),
    )
    decision = DecisionFactory(
        outcome=line.result.value,
        reason=line.reason.value,
        environment="production",
        subject="user:7",
        event={"id": "evt-3", "data": {"failed": 9, "password": "[redacted]"}},
        detail={"detectors": [to_detail(detector)]},
    )
    WorkflowDecisionFactory(
        decision=decision,
        workflow=workflow,
        workflow_slug="tell-the-team",
        outcome=line.result.value,
        reason=line.reason.value,
        revision="5be1f0c2a9d4",
        detail=to_detail(line),
    )
    return decision
