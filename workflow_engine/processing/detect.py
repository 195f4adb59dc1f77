"""Detect: what each detector of an event's routes says of it; states in, states out.

Pure: states are read before and written after. Within a batch, events are taken in the order
given; the caller sorts them by time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from workflow_engine import registry
from workflow_engine.conditions import judge, paths_watched, results_of, sight
from workflow_engine.models.state import MEMORY_BYTES
from workflow_engine.processing.lines import broken, path_of, silent, spoken
from workflow_engine.queue.store.draft import check_due, json_bytes
from workflow_engine.registry import DetectorEntry
from workflow_engine.types.detection import (
    Change,
    Detection,
    Finding,
    Sample,
    State,
    SubjectKey,
)
from workflow_engine.types.event import Event
from workflow_engine.types.facts import Facts
from workflow_engine.types.priority import Priority
from workflow_engine.types.reasons import Reason
from workflow_engine.types.snapshots import DetectorSnapshot
from workflow_engine.types.trace import DetectorLine
from workflow_engine.types.verdict import GroupVerdict

VALUE_BYTES: Final = 1024  # of what was measured; items carry it beside the event
#: Entry of a state's memory: what `changed` conditions saw last, by path.
SIGHTS: Final = "sights"


class Detected(msgspec.Struct, frozen=True, kw_only=True):
    """What the detectors said.

    Attributes:
        lines: For each event, in order, one line per detector asked, by id.
        moved: For each event, in order, whether it moved a state.
        states: The states that moved, as they should be from now on.
    """

    lines: tuple[tuple[DetectorLine, ...], ...]
    moved: tuple[bool, ...]
    states: dict[SubjectKey, State]


def subject_key(detector: DetectorSnapshot, event: Event) -> SubjectKey:
    """Return the name of the state that a detector keeps for an event."""
    return (detector.id, event.environment, event.subject)


def keeps_state(detector: DetectorSnapshot) -> bool:
    """Whether the detector's answer depends on what came before."""
    entry = registry.detectors.get(detector.kind)
    if entry is None or detector.problem:
        return False
    return bool(entry.is_stateful(detector.config) or paths_watched(detector.trigger))


def detect(
    asked: Sequence[tuple[Event, Iterable[DetectorSnapshot]]],
    states: Mapping[SubjectKey, State],
    now: datetime,
) -> Detected:
    """Ask every detector about its events, carrying states from event to event."""
    after: dict[SubjectKey, State] = {}
    lines, moved = [], []
    for event, detectors in asked:
        row, changed = [], False
        for detector in sorted(detectors, key=lambda d: d.id):
            key = subject_key(detector, event)
            known = after.get(key) or states.get(key) or State()
            line, state = _ask(detector, event, known, now)
            if state is not None and state != known:
                after[key] = state
                changed = True
            row.append(line)
        lines.append(tuple(row))
        moved.append(changed)
    return Detected(lines=tuple(lines), moved=tuple(moved), states=after)


def _ask(
    detector: DetectorSnapshot, event: Event, known: State, now: datetime
) -> tuple[DetectorLine, State | None]:
    """Return the line and the new state; None for a detector that keeps none."""
    entry = registry.detectors.get(detector.kind)
    if entry is None or detector.problem or not detector.enabled:
        return _unable(detector), None
    watched = paths_watched(detector.trigger)
    if not watched and not entry.is_stateful(detector.config):
        return _judge(detector, entry, event, State(), now)[0], None
    ready = _for_revision(known, detector)
    late = known.watermark is not None and event.time < known.watermark
    if watched and late:
        return silent(detector, Reason.LATE_EVENT), None
    line, state = _judge(
        detector, entry, event, ready, now, late=late and entry.is_ordered
    )
    if watched:
        return _remembering(detector, line, _seen(state, event, watched))
    # What is no sample moves nothing: a new revision is noted with the next sample.
    return line, None if state is ready else state


def _unable(detector: DetectorSnapshot) -> DetectorLine:
    """The line of a detector that cannot be asked."""
    if not detector.enabled:
        return silent(detector, Reason.DETECTOR_DISABLED)
    if detector.problem:
        return silent(detector, Reason.DETECTOR_ERROR, note=detector.problem)
    note = f"detector kind '{detector.kind}' is not registered"
    return silent(detector, Reason.HANDLER_MISSING, note=note)


def _for_revision(state: State, detector: DetectorSnapshot) -> State:
    """An edited configuration keeps the status and starts counting anew."""
    if state.revision == detector.revision:
        return state
    return state.replace(revision=detector.revision, streaks={}, clears=0)


def _seen(state: State, event: Event, watched: tuple[str, ...]) -> State:
    """Remember what stands at the watched paths, whether or not the group passed."""
    facts = Facts(event)
    sights = {path: sight(facts.get(path)) for path in watched}
    return _noted(state.remember(**{SIGHTS: sights}), event)


def _noted(state: State, event: Event) -> State:
    """Note when the newest event happened, and when the last one was accepted."""
    return state.replace(
        watermark=max(event.time, state.watermark or event.time),
        last_seen_at=max(event.accepted_at, state.last_seen_at or event.accepted_at),
    )


def _remembering(
    detector: DetectorSnapshot, line: DetectorLine, state: State
) -> tuple[DetectorLine, State | None]:
    """Refuse what was seen where it does not fit into the memory, beside the kind's own."""
    try:
        _check_memory(state)
    except ValueError as error:
        note = f"'changed' looks at too much: {error}"
        return silent(detector, Reason.DETECTOR_ERROR, line.trigger, note), None
    return line, state


def _judge(
    detector: DetectorSnapshot,
    entry: DetectorEntry,
    event: Event,
    state: State,
    now: datetime,
    *,
    late: bool = False,
) -> tuple[DetectorLine, State]:
    """Return the line and the state after the trigger group and the kind had their say."""
    facts = Facts(event, last=state.memory.get(SIGHTS, {}))
    trigger = judge(detector.trigger, facts)
    if trigger is not None and not trigger.passes:
        reason = Reason.CONDITION_ERROR if trigger.error else Reason.TRIGGER
        return silent(detector, reason, trigger), state
    if late:
        return silent(detector, Reason.LATE_EVENT, trigger), state
    sample = Sample(
        event=event,
        facts=facts,
        now=now,
        results=results_of(trigger) if trigger is not None else (),
    )
    try:
        after, answer = checked(entry.handler(sample, state, detector.config), now)
    except Exception as error:  # noqa: BLE001 - any handler's error costs its detector only
        return broken(detector, error, trigger), state
    if answer is Reason.NO_VALUE:
        return silent(detector, answer, trigger), state
    return conclude(detector, _noted(after, event), answer, now, trigger)


def checked(said: object, now: datetime) -> tuple[State, Finding | Reason]:
    """Return what a kind answered; TypeError or ValueError when that cannot be kept.

    A kind may be anybody's: what it answers must not cost more than its own detector.
    """
    if not isinstance(said, tuple) or len(said) != 2:  # noqa: PLR2004 - a pair
        raise TypeError("a detector kind answers a state, and a finding or a reason")
    state, answer = said
    if not isinstance(state, State):
        raise TypeError(f"answered {type(state).__name__}, not a State")
    if not isinstance(answer, Finding):
        answer = Reason(answer)
    elif not isinstance(answer.change, Change):
        raise TypeError(f"answered the change {answer.change!r}")
    if state.wake_at is not None:
        check_due(state.wake_at, now=now)
    json_bytes(state.streaks)
    _check_memory(state)
    if isinstance(answer, Finding) and json_bytes(answer.value) > VALUE_BYTES:
        raise ValueError(f"the value is longer than {VALUE_BYTES} bytes of JSON")
    return state, answer


def _check_memory(state: State) -> None:
    """Raise ValueError for a memory that is too long or that no database stores."""
    found = json_bytes(state.memory)
    if found > MEMORY_BYTES:
        raise ValueError(f"the memory is {found} bytes of JSON, at most {MEMORY_BYTES}")


def conclude(
    detector: DetectorSnapshot,
    state: State,
    answer: Finding | Reason,
    now: datetime,
    trigger: GroupVerdict | None = None,
) -> tuple[DetectorLine, State]:
    """Return the line of an answer, and the state with the priority it brings.

    Only what is going on can be over: an episode ends once, whatever its kind says.
    """
    if isinstance(answer, Reason):
        return silent(detector, answer, trigger), state
    before = state.priority
    if answer.change is Change.RESOLVED and before is Priority.OK:
        return silent(detector, Reason.UNCHANGED, trigger), state
    if answer.change is Change.OPENED:
        state = state.replace(episode=_new_episode(state, now))
    if answer.change is not Change.REPEATED:
        state = state.replace(
            priority=answer.priority, previous_priority=before, changed_at=now
        )
    detection = Detection(
        detector_id=detector.id,
        detector=detector.slug,
        change=answer.change,
        priority=answer.priority,
        previous_priority=before,
        value=answer.value,
        path=path_of(detector),
        episode=state.episode,
    )
    return spoken(detector, detection, trigger), state


def _new_episode(state: State, now: datetime) -> int:
    """Microseconds of the opening: never again the same for one subject, even after pruning."""
    return max(state.episode + 1, int(now.timestamp() * 1_000_000))
