"""Resolve: who hears that an episode is over; pure, no group is judged for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID, uuid5

import msgspec

from workflow_engine.processing.plan import FiringDraft, Planned
from workflow_engine.types.detection import Detection
from workflow_engine.types.event import Event
from workflow_engine.types.reasons import Reason, first_reason, result_of
from workflow_engine.types.snapshots import WorkflowSnapshot
from workflow_engine.types.trace import ActionLine, WorkflowLine

EpisodeKey: TypeAlias = tuple[int, str, str, int]  # SubjectKey and the episode


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger firing of an episode, as it stands when the episode ends.

    Attributes:
        uuid: The firing.
        workflow_id: Whose.
        action_id: Which action.
        on_resolve: It asked to hear of the end.
        is_lost: Cancelled or failed: nobody was told.
        is_waiting: Delayed and not started: it is cancelled by the end of the episode.
    """

    uuid: UUID
    workflow_id: int
    action_id: int
    on_resolve: bool
    is_lost: bool
    is_waiting: bool


def episode_of(detection: Detection, event: Event) -> EpisodeKey:
    """Return the name of the episode that a detection begins, goes on with or ends."""
    return (
        detection.detector_id,
        event.environment,
        event.subject,
        detection.episode,
    )


def told_by(draft: FiringDraft) -> Told:
    """Return a trigger firing as it stands when it has just been decided on."""
    return Told(
        uuid=draft.uuid,
        workflow_id=draft.workflow_id,
        action_id=draft.action_id,
        on_resolve=draft.on_resolve,
        is_lost=False,
        is_waiting=draft.due_at > draft.decided_at,
    )


def resolve(
    trace_id: UUID,
    event: Event,
    detection: Detection,
    workflows: Sequence[WorkflowSnapshot],
    told: Sequence[Told],
    now: datetime,
) -> Planned:
    """Return who hears of the end of an episode: once, whoever was told of it and asked."""
    heard = {
        (t.workflow_id, t.action_id)
        for t in told
        if t.on_resolve and not t.is_lost and not t.is_waiting
    }
    lines, firings = [], []
    for workflow in sorted(workflows, key=lambda w: w.id):
        line, drafts = _resolve_one(trace_id, event, detection, workflow, heard, now)
        if line is not None:
            lines.append(line)
            firings += drafts
    return Planned(lines=tuple(lines), firings=tuple(firings))


def _resolve_one(
    trace_id: UUID,
    event: Event,
    detection: Detection,
    workflow: WorkflowSnapshot,
    heard: set[tuple[int, int]],
    now: datetime,
) -> tuple[WorkflowLine | None, list[FiringDraft]]:
    asking = {
        c.action.id: (i.group.position, c.action)
        for i in workflow.ifs
        for c in i.actions
        if c.on_resolve or (workflow.id, c.action.id) in heard
    }
    if not asking:
        return None, []
    stop = _resolve_stopped(workflow, now)
    fates, firings = [], []
    for action_id, (position, action) in sorted(asking.items()):
        goes = stop is None and action.enabled and (workflow.id, action_id) in heard
        # One event may end several episodes that the same action was told of.
        ended = f"{detection.detector_id}:{workflow.id}:{action_id}"
        name = uuid5(trace_id, f"resolve:{ended}")
        fates.append(
            ActionLine(
                action_id=action_id,
                action=action.slug,
                position=position,
                reason=stop or (Reason.SENT if goes else Reason.NOT_TOLD),
                due_at=now if goes else None,
                firing=str(name) if goes else "",
            )
        )
        if goes:
            firings.append(
                FiringDraft(
                    uuid=name,
                    trace_id=trace_id,
                    event=event,
                    detection=detection,
                    workflow_id=workflow.id,
                    workflow=workflow.slug,
                    action_id=action_id,
                    action=action.slug,
                    kind=action.kind,
                    purpose="resolve",
                    on_resolve=False,
                    decided_at=now,
                    due_at=now,
                )
            )
    reason = stop or first_reason([fate.reason for fate in fates])
    line = WorkflowLine(
        workflow_id=workflow.id,
        workflow=workflow.slug,
        name=workflow.name,
        revision=workflow.revision,
        result=result_of(reason),
        reason=reason,
        environment=workflow.environment,
        detectors=(detection.detector,),
        actions=tuple(fates),
    )
    return line, firings


def _resolve_stopped(workflow: WorkflowSnapshot, now: datetime) -> Reason | None:
    if not workflow.enabled:
        return Reason.WORKFLOW_DISABLED
    if workflow.snoozed_until is not None and now < workflow.snoozed_until:
        return Reason.SNOOZED
    return None
