"""Plan: which actions are carried out, when, and under whose name.

Pure, in two halves round one write: `wanted` says which intervals must be acquired, the
ledger answers who holds each, and `plan` turns the answers into firings and fates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import msgspec

from workflow_engine.models import Acquisition, Holding, IntervalKey
from workflow_engine.processing.match import Matched
from workflow_engine.types.detection import Detection
from workflow_engine.types.event import Event
from workflow_engine.types.reasons import Reason, first_reason, result_of
from workflow_engine.types.snapshots import CarriedAction, WorkflowSnapshot
from workflow_engine.types.trace import ActionLine, WorkflowLine


class FiringDraft(msgspec.Struct, frozen=True, kw_only=True):
    """One action decided on, before its row exists.

    Attributes:
        uuid: Its name, and the idempotency key of its handler.
        trace_id: The decision behind it.
        event: The event behind it.
        detection: The leading detection.
        workflow_id: Whose action.
        workflow: Its slug.
        action_id: Which action.
        action: Its slug.
        kind: The action's kind.
        purpose: "trigger" or "resolve".
        on_resolve: Whether the end of the episode is told too.
        decided_at: When it was decided.
        due_at: When it is due.
    """

    uuid: UUID
    trace_id: UUID
    event: Event
    detection: Detection
    workflow_id: int
    workflow: str
    action_id: int
    action: str
    kind: str
    purpose: str
    on_resolve: bool
    decided_at: datetime
    due_at: datetime


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """What one event leads to: final lines, and firings."""

    lines: tuple[WorkflowLine, ...]
    firings: tuple[FiringDraft, ...]


def firing_uuid(trace_id: UUID, digest: str, delay_seconds: int) -> UUID:
    """Return the uuid of the firing of one configuration and delay in one decision.

    Equal for every workflow that would fire it, so an interval can name the firing before it
    is known whose it becomes.
    """
    return uuid5(trace_id, f"{digest}:{delay_seconds}")


def wanted(
    trace_id: UUID, event: Event, matched: Sequence[Matched], now: datetime
) -> list[Acquisition]:
    """Return one acquisition per workflow and enabled action of the passing groups."""
    wishes = []
    for one in sorted(matched, key=lambda m: m.line.workflow_id):
        workflow = one.workflow
        if workflow is None:
            continue
        for action_id, carried in sorted(_by_action(one).items()):
            first = min(carried, key=lambda c: c.delay_seconds)
            wishes.append(
                Acquisition(
                    key=IntervalKey(
                        workflow.id, action_id, event.environment, event.subject
                    ),
                    held_until=now + timedelta(seconds=workflow.interval_seconds),
                    firing=firing_uuid(
                        trace_id, first.action.digest, first.delay_seconds
                    ),
                )
            )
    return wishes


def _by_action(matched: Matched) -> dict[int, list[CarriedAction]]:
    found: dict[int, list[CarriedAction]] = defaultdict(list)
    for group in matched.passing:
        for carried in group.actions:
            if carried.action.enabled:
                found[carried.action.id].append(carried)
    return found


def plan(
    trace_id: UUID,
    event: Event,
    matched: Sequence[Matched],
    won: Mapping[IntervalKey, Holding | None],
    now: datetime,
) -> Planned:
    """Return the fates of all carried actions.

    `won` says for each wish None when it was had, or else who holds it. Equal configurations
    with equal delay act once: for the lowest workflow id, then action id.
    """
    merging = _Merging(trace_id, event, now)
    lines = []
    for one in sorted(matched, key=lambda m: m.line.workflow_id):
        fates = [] if one.workflow is None else merging.fates(one, one.workflow, won)
        lines.append(_with_fates(one, fates))
    return Planned(lines=tuple(lines), firings=tuple(merging.firings.values()))


class _Merging:
    """Gathers the firings of one event, one per configuration and delay."""

    def __init__(self, trace_id: UUID, event: Event, now: datetime) -> None:
        self.trace_id = trace_id
        self.event = event
        self.now = now
        self.firings: dict[UUID, FiringDraft] = {}

    def fates(
        self,
        one: Matched,
        workflow: WorkflowSnapshot,
        won: Mapping[IntervalKey, Holding | None],
    ) -> list[ActionLine]:
        lines: dict[tuple[int, int], ActionLine] = {}
        carried = [(g, c) for g, group in enumerate(one.passing) for c in group.actions]
        for place, item in sorted(carried, key=lambda pair: pair[1].action.id):
            position = one.passing[place].group.position
            key = IntervalKey(
                workflow.id,
                item.action.id,
                self.event.environment,
                self.event.subject,
            )
            line = self._fate(one, workflow, item, position, won.get(key))
            lines[place, item.position] = line
        return [lines[key] for key in sorted(lines)]

    def _fate(
        self,
        one: Matched,
        workflow: WorkflowSnapshot,
        carried: CarriedAction,
        position: int,
        held: Holding | None,
    ) -> ActionLine:
        action = carried.action
        line = ActionLine(
            action_id=action.id,
            action=action.slug,
            position=position,
            delay_seconds=carried.delay_seconds,
            reason=Reason.ACTION_DISABLED,
        )
        if not action.enabled:
            return line
        if held is not None:
            return msgspec.structs.replace(
                line,
                reason=Reason.INTERVAL,
                held_until=held.held_until,
                firing="" if held.firing is None else str(held.firing),
            )
        name = firing_uuid(self.trace_id, action.digest, carried.delay_seconds)
        due_at = self.now + timedelta(seconds=carried.delay_seconds)
        first = self.firings.get(name)
        if first is not None:
            self.firings[name] = msgspec.structs.replace(
                first, on_resolve=first.on_resolve or carried.on_resolve
            )
            return msgspec.structs.replace(
                line,
                reason=Reason.SAME_ACTION,
                firing=str(name),
                note=f"{first.workflow} / {first.action} acts",
            )
        self.firings[name] = FiringDraft(
            uuid=name,
            trace_id=self.trace_id,
            event=self.event,
            detection=one.detection,
            workflow_id=workflow.id,
            workflow=workflow.slug,
            action_id=action.id,
            action=action.slug,
            kind=action.kind,
            purpose="trigger",
            on_resolve=carried.on_resolve,
            decided_at=self.now,
            due_at=due_at,
        )
        reason = Reason.WAITING if carried.delay_seconds else Reason.SENT
        return msgspec.structs.replace(
            line, reason=reason, due_at=due_at, firing=str(name)
        )


def _with_fates(one: Matched, fates: list[ActionLine]) -> WorkflowLine:
    """Return the line with its actions, its reason the first that one of its steps has."""
    if not one.passing:
        return one.line
    reasons = [fate.reason for fate in fates]
    if one.pending:
        reasons.append(Reason.PENDING)
    reason = first_reason(reasons or [Reason.NO_IF_GROUP])
    return msgspec.structs.replace(
        one.line, actions=tuple(fates), reason=reason, result=result_of(reason)
    )
