"""Judged: one event with all that was said of it, before anything is written."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import msgspec

from workflow_engine import telemetry
from workflow_engine.clock import monotonic
from workflow_engine.processing.detect import detect
from workflow_engine.processing.lines import is_triggered
from workflow_engine.processing.match import FIRST, Again, Matched, leading, match
from workflow_engine.processing.rules import Links, links_of
from workflow_engine.processing.trace import verdict_of
from workflow_engine.types.detection import Detection, State, SubjectKey
from workflow_engine.types.event import Event
from workflow_engine.types.reasons import Reason, Result
from workflow_engine.types.snapshots import (
    Absent,
    DetectorSnapshot,
    WorkflowId,
    WorkflowSnapshot,
)
from workflow_engine.types.trace import DetectorLine, Trace, WorkflowLine


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """An episode that is over, and the workflows that may want to hear of it."""

    detection: Detection
    workflows: tuple[WorkflowSnapshot, ...]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What detectors and workflows said of one event.

    Attributes:
        trace_id: uuid of the decision.
        event: The event.
        item: Kind of the durable item that is judged, "" for an event.
        detectors: One line per detector asked.
        matched: One per workflow of the triggered detections, by id.
        endings: Episodes that this event ends.
        moved: A state has moved.
        duration_us: This event's share of the time spent so far.
    """

    trace_id: uuid.UUID
    event: Event
    item: str = ""
    detectors: tuple[DetectorLine, ...] = ()
    matched: tuple[Matched, ...] = ()
    endings: tuple[Ending, ...] = ()
    moved: bool = False
    duration_us: int = 0

    @property
    def has_effects(self) -> bool:
        """Whether anything must be written beside the decision itself."""
        return (
            self.moved
            or bool(self.endings)
            or any(m.is_match or m.counted for m in self.matched)
        )


def trace_of(judged: Judged, lines: Sequence[WorkflowLine], now: datetime) -> Trace:
    """Return the finished trace of one event."""
    result, reason = verdict_of(judged.detectors, lines)
    return Trace(
        id=judged.trace_id.hex,
        event=judged.event,
        item=judged.item,
        decided_at=now,
        result=result,
        reason=reason,
        detectors=judged.detectors,
        workflows=tuple(lines),
        is_followed=any(_is_followed(w, now) for w in _reached(judged)),
        duration_us=judged.duration_us,
    )


def _reached(judged: Judged) -> Iterator[WorkflowSnapshot | None]:
    yield from (m.workflow for m in judged.matched)
    yield from (w for ending in judged.endings for w in ending.workflows)


def _is_followed(workflow: WorkflowSnapshot | None, now: datetime) -> bool:
    until = None if workflow is None else workflow.trace_until
    return until is not None and now < until


def new_trace_id() -> uuid.UUID:
    """Return a fresh uuid for a decision."""
    return uuid.uuid4()


def judge_events(
    asked: Sequence[tuple[Event, Sequence[DetectorSnapshot]]],
    states: Mapping[SubjectKey, State],
    now: datetime,
) -> tuple[list[Judged], dict[SubjectKey, State]]:
    """Return what is said of each event, in order, and the states that moved."""
    started = monotonic()
    with telemetry.span("detect", events=len(asked)):
        detected = detect(asked, states, now)
    found = {
        line.detection.detector_id
        for lines in detected.lines
        for line in lines
        if line.detection is not None
    }
    with telemetry.span("match", detectors=len(found)):
        links = links_of(found)
        judged = [
            judge_lines(event, lines, links, now, moved=moved)
            for (event, _), lines, moved in zip(
                asked, detected.lines, detected.moved, strict=True
            )
        ]
    share_us = int((monotonic() - started) * 1_000_000 / max(1, len(judged)))
    timed = [msgspec.structs.replace(one, duration_us=share_us) for one in judged]
    return timed, detected.states


def judge_lines(
    event: Event,
    lines: Sequence[DetectorLine],
    links: Links,
    now: datetime,
    *,
    moved: bool,
    item: str = "",
) -> Judged:
    """Return what the workflows of these lines say."""
    told = tuple(_with_link(line, links) for line in lines)
    linked = [line for line in told if line.detection and line.reason is None]
    return Judged(
        trace_id=new_trace_id(),
        event=event,
        item=item,
        detectors=told,
        matched=_matched(event, linked, links, now),
        endings=tuple(
            Ending(detection=line.detection, workflows=links.of(line.detector_id))
            for line in told  # also without a link: somebody may have been told before
            if line.detection and not is_triggered(line)
        ),
        moved=moved,
    )


def _with_link(line: DetectorLine, links: Links) -> DetectorLine:
    if line.detection is None or links.workflow_ids[line.detector_id]:
        return line
    return msgspec.structs.replace(line, reason=Reason.NO_LINK)


def _matched(
    event: Event, lines: Sequence[DetectorLine], links: Links, now: datetime
) -> tuple[Matched, ...]:
    led: dict[WorkflowId, list[Detection]] = defaultdict(list)
    for line in lines:
        if line.detection is not None and is_triggered(line):
            for workflow_id in links.workflow_ids[line.detector_id]:
                led[workflow_id].append(line.detection)
    return tuple(
        guarded_match(event, workflow_id, links.workflows[workflow_id], found, now)
        for workflow_id, found in sorted(led.items())
    )


def guarded_match(
    event: Event,
    workflow_id: WorkflowId,
    workflow: WorkflowSnapshot | Absent,
    detections: Sequence[Detection],
    now: datetime,
    again: Again = FIRST,
) -> Matched:
    """Judge a workflow; an error in it costs this workflow only."""
    try:
        return match(event, workflow_id, workflow, detections, now, again)
    except Exception as error:  # noqa: BLE001 - told in the trace as workflow_error
        first = leading(detections)
        line = WorkflowLine(
            workflow_id=workflow_id,
            workflow="" if isinstance(workflow, Absent) else workflow.slug,
            result=Result.FAILED,
            reason=Reason.WORKFLOW_ERROR,
            detectors=tuple(d.detector for d in first),
            has_error=True,
            note=f"{type(error).__name__}: {error}",
        )
        return Matched(line=line, detection=first[0])
