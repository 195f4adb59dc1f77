"""Publish: write all that a batch of judged events changes, in one transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from workflow_engine import telemetry
from workflow_engine.conditions import buckets_of
from workflow_engine.conf import options
from workflow_engine.models import Acquisition, Bucket, Holding, IntervalKey
from workflow_engine.processing.effects import Effects, Evaluation, Wake
from workflow_engine.processing.judged import Judged, trace_of
from workflow_engine.processing.ledger.base import Ledger
from workflow_engine.processing.plan import Planned, plan, wanted
from workflow_engine.processing.resolve import (
    EpisodeKey,
    Told,
    episode_of,
    resolve,
    told_by,
)
from workflow_engine.processing.trace import join_lines
from workflow_engine.types.detection import State, SubjectKey
from workflow_engine.types.event import Event
from workflow_engine.types.trace import Trace


class Duplicates(telemetry.Detour):
    """Some events have had their effects before."""

    def __init__(self, keys: frozenset[str]) -> None:
        """Name the events by their keys."""
        super().__init__(f"{len(keys)} duplicate events")
        self.keys = keys


class Overtaken(telemetry.Detour):
    """Another worker moved a state first."""


def publish(
    batch: Sequence[Judged],
    states: Mapping[SubjectKey, State],
    ledger: Ledger,
    now: datetime,
) -> list[Trace]:
    """Write what the batch changes and return its traces, in order.

    Raises:
        Duplicates: Events with a receipt; nothing was written, judge again without them.
        Overtaken: A state was moved by another worker; nothing was written, judge again.
    """
    touched = [one for one in batch if one.has_effects]
    if not touched:
        return [trace_of(one, [m.line for m in one.matched], now) for one in batch]
    told = telemetry.span("publish", events=len(touched))
    with told, ledger.transaction():
        _claim([one.event for one in touched if not one.item], ledger, now)
        if states and ledger.publish(states):
            raise Overtaken
        counted = _counted(touched)
        if counted:
            ledger.count(counted)
        parts = list(_parts(touched, now))
        known = _told(parts, ledger, now)
        wakes = _wakes(states)
        traces: dict[uuid.UUID, Trace] = {}
        for part in parts:
            traces |= _write(part, known, wakes, ledger, now)
            wakes = ()
    return [
        traces.get(one.trace_id) or trace_of(one, [m.line for m in one.matched], now)
        for one in batch
    ]


def _parts(batch: Sequence[Judged], now: datetime) -> Iterator[list[Judged]]:
    """Part a batch where an ending may open an interval that a later event asks for.

    Such an event is planned after what the ending cancels has been written, as if it had
    come alone.
    """
    part: list[Judged] = []
    ended: set[tuple[str, str]] = set()
    for one in batch:
        about = (one.event.environment, one.event.subject)
        if about in ended and any(w.held_until > now for w in _wishes(one, now)):
            yield part
            part, ended = [], set()
        part.append(one)
        if one.endings:
            ended.add(about)
    yield part


def _told(
    parts: Sequence[Sequence[Judged]], ledger: Ledger, now: datetime
) -> dict[EpisodeKey, list[Told]]:
    """Return who was told of the episodes that end; what still waits is overtaken.

    All that the batch locks is locked here, whatever its parts do with it.
    """
    batch = [one for part in parts for one in part]
    ended = {episode_of(e.detection, one.event) for one in batch for e in one.endings}
    if not ended:
        return {}
    told = ledger.told(ended)
    waiting = {t.uuid for known in told.values() for t in known if _is_waiting(t)}
    if not waiting and len(parts) == 1:
        return told
    asked = [wish for one in batch for wish in _wishes(one, now)]
    wishes = [wish for wish in asked if wish.held_until > now]
    stopped = {*ledger.overtake(waiting, wishes, now)}
    return {
        episode: [
            msgspec.structs.replace(t, is_waiting=t.uuid in stopped) for t in known
        ]
        for episode, known in told.items()
    }


def _is_waiting(told: Told) -> bool:
    return told.is_waiting and not told.is_lost


def _write(
    part: Sequence[Judged],
    told: dict[EpisodeKey, list[Told]],
    wakes: tuple[Wake, ...],
    ledger: Ledger,
    now: datetime,
) -> dict[uuid.UUID, Trace]:
    """Write the decisions, firings and items of a part and return its traces by id."""
    with telemetry.span("plan", events=len(part)):
        planned, cancelled = _plan(part, told, ledger, now)
    traces = {
        one.trace_id: trace_of(one, planned[one.trace_id].lines, now) for one in part
    }
    effects = Effects(
        traces=tuple(t for t in traces.values() if is_written(t)),
        firings=tuple(f for p in planned.values() for f in p.firings),
        cancelled=cancelled,
        evaluations=_evaluations(part, now),
        wakes=wakes,
    )
    with telemetry.span("enqueue", firings=len(effects.firings)):
        ledger.write(effects, now)
    return traces


def _wakes(states: Mapping[SubjectKey, State]) -> tuple[Wake, ...]:
    return tuple(
        Wake(key=key, due_at=state.wake_at)
        for key, state in sorted(states.items())
        if state.wake_at is not None
    )


def is_written(trace: Trace) -> bool:
    """Whether the decision is written with its effects; the others are sampled."""
    return trace.result.value in {"fired", "held"}


def _claim(events: Sequence[Event], ledger: Ledger, now: datetime) -> None:
    if not events:
        return
    copies = {event.key for event in events} - ledger.claim(events, now)
    if copies:
        raise Duplicates(frozenset(copies))


def _counted(batch: Sequence[Judged]) -> list[Bucket]:
    found = []
    for one in batch:
        if one.item:
            continue  # its event was counted when it came in
        for condition in {c.id: c for m in one.matched for c in m.counted}.values():
            buckets = buckets_of(condition.config["period"], one.event.time)
            found.append(
                Bucket(
                    counter=f"condition:{condition.id}",
                    environment=one.event.environment,
                    subject=one.event.subject,
                    step=buckets.step,
                    bucket=buckets.last,
                )
            )
    return found


def _evaluations(batch: Sequence[Judged], now: datetime) -> tuple[Evaluation, ...]:
    due_at = now + timedelta(seconds=options.EVALUATE_DELAY_SECONDS)
    return tuple(
        Evaluation(
            workflow_id=m.line.workflow_id,
            ifs=m.pending,
            event=one.event,
            detection=m.detection,
            due_at=due_at,
        )
        for one in batch
        for m in one.matched
        if m.pending
    )


def _plan(
    batch: Sequence[Judged],
    told: dict[EpisodeKey, list[Told]],
    ledger: Ledger,
    now: datetime,
) -> tuple[dict[uuid.UUID, Planned], tuple[uuid.UUID, ...]]:
    """Return lines and firings by trace id, and the firings that endings cancel.

    `told` is given the trigger firings decided on, for the endings that come after.
    """
    wishes = {one.trace_id: _wishes(one, now) for one in batch}
    held = _acquire([w for found in wishes.values() for w in found], ledger, now)
    planned: dict[uuid.UUID, Planned] = {}
    cancelled: list[uuid.UUID] = []
    for one in batch:
        won = {w.key: held[w.key, w.firing] for w in wishes[one.trace_id]}
        begun = plan(one.trace_id, one.event, one.matched, won, now)
        parts = [begun]
        for ending in one.endings:
            episode = episode_of(ending.detection, one.event)
            known = told.get(episode, [])
            parts.append(
                resolve(
                    one.trace_id,
                    one.event,
                    ending.detection,
                    ending.workflows,
                    known,
                    now,
                )
            )
            cancelled += [t.uuid for t in known if _is_waiting(t)]
        planned[one.trace_id] = Planned(
            lines=join_lines([line for part in parts for line in part.lines]),
            firings=tuple(f for part in parts for f in part.firings),
        )
        for draft in begun.firings:
            episode = episode_of(draft.detection, one.event)
            told.setdefault(episode, []).append(told_by(draft))
    return planned, tuple(dict.fromkeys(cancelled))


def _wishes(one: Judged, now: datetime) -> list[Acquisition]:
    return wanted(one.trace_id, one.event, one.matched, now)


def _acquire(
    wishes: Sequence[Acquisition], ledger: Ledger, now: datetime
) -> dict[tuple[IntervalKey, uuid.UUID], Holding | None]:
    """Return for each wish None when it was had, or who holds the interval.

    Of several events in one batch that want the same interval the first asks the ledger;
    the others find it held, by the first or by whoever held it before.
    """
    firsts: dict[IntervalKey, Acquisition] = {}
    for wish in wishes:
        if wish.held_until > now:
            firsts.setdefault(wish.key, wish)
    answers = ledger.acquire(list(firsts.values()), now) if firsts else {}
    held: dict[tuple[IntervalKey, uuid.UUID], Holding | None] = {}
    for wish in wishes:
        holder = answers.get(wish.key)
        is_mine = holder is None or (
            wish is firsts[wish.key] and holder.is_of(wish.firing)
        )
        held[wish.key, wish.firing] = None if is_mine else holder
    return held
