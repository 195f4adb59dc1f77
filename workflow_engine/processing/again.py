"""Again: what is judged later, when slow conditions are asked or a detector's time has come.

Here too is what a detector waits for before its first event, and while it is off. The same for an item in the database and for one in a replay; who calls writes the effects
and ends the item.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import msgspec

from workflow_engine import registry
from workflow_engine.conditions import Question, ask_slow
from workflow_engine.detectors import resume
from workflow_engine.exceptions import ConditionFailed
from workflow_engine.lookups import workflows
from workflow_engine.models import CountQuestion, Detector
from workflow_engine.models.fields import EVENT_ID_CHARACTERS
from workflow_engine.processing.detect import checked, conclude
from workflow_engine.processing.effects import Effects, Evaluation, Wake
from workflow_engine.processing.judged import (
    Judged,
    guarded_match,
    judge_lines,
    new_trace_id,
)
from workflow_engine.processing.ledger.base import Ledger
from workflow_engine.processing.lines import broken
from workflow_engine.processing.match import Again, slow_conditions
from workflow_engine.processing.rules import links_of
from workflow_engine.types.buckets import buckets_of
from workflow_engine.types.detection import State, SubjectKey
from workflow_engine.types.event import JSON, Event
from workflow_engine.types.snapshots import (
    Absent,
    ConditionSnapshot,
    DetectorSnapshot,
    WorkflowSnapshot,
)

Answers: TypeAlias = dict[int, bool | ConditionFailed]  # by condition id

SYNTHETIC_SOURCE: Final = "workflow-engine"

# A detector that is off is no more work than one that is on, and is found on within an hour.
_SHORTEST_PAUSE_SECONDS: Final = 60
_LONGEST_PAUSE_SECONDS: Final = 3600


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation with what its slow conditions said.

    Attributes:
        evaluation: The evaluation.
        workflow: As it stands now.
        answers: By condition id; those of a handler that raised are errors.
        error: What a handler raised, or None.
    """

    evaluation: Evaluation
    workflow: WorkflowSnapshot | Absent
    answers: Answers
    error: Exception | None = None


def ask(evaluations: Sequence[Evaluation], ledger: Ledger) -> list[Answered]:
    """Ask the slow conditions of all evaluations together.

    Each handler gets its distinct questions in one call; counts are read by one query.
    """
    found = workflows.get_many({e.workflow_id for e in evaluations})
    asked = [(e, _slow(e, found[e.workflow_id])) for e in evaluations]
    totals = ledger.totals(
        {_counted(e.event, c) for e, slow in asked for c in slow if _has_count(c)}
    )
    questions: dict[str, list[Question]] = defaultdict(list)
    for evaluation, slow in asked:
        for condition in slow:
            questions[condition.type].append(_question(evaluation, condition, totals))
    said: dict[Question, bool | ConditionFailed] = {}
    broken: dict[str, Exception] = {}
    for slug, wanted in questions.items():
        try:
            said |= ask_slow(slug, wanted)
        except Exception as error:  # noqa: BLE001 - told to the caller, who tries again
            broken[slug] = error
    return [
        Answered(
            evaluation=evaluation,
            workflow=found[evaluation.workflow_id],
            answers={
                c.id: _answer(_question(evaluation, c, totals), c, said, broken)
                for c in slow
            },
            error=next((broken[c.type] for c in slow if c.type in broken), None),
        )
        for evaluation, slow in asked
    ]


def _slow(
    evaluation: Evaluation, workflow: WorkflowSnapshot | Absent
) -> list[ConditionSnapshot]:
    if isinstance(workflow, Absent):
        return []
    groups = [workflow.when]
    wanted = evaluation.ifs
    groups += [i.group for i in workflow.ifs if wanted is None or i.group.id in wanted]
    return [condition for group in groups for condition in slow_conditions(group)]


def _has_count(condition: ConditionSnapshot) -> bool:
    return condition.type == "frequency"


def _counted(event: Event, condition: ConditionSnapshot) -> CountQuestion:
    buckets = buckets_of(condition.config["period"], event.time)
    return CountQuestion(
        counter=f"condition:{condition.id}",
        environment=event.environment,
        subject=event.subject,
        step=buckets.step,
        first_bucket=buckets.first,
        last_bucket=buckets.last,
    )


def _question(
    evaluation: Evaluation,
    condition: ConditionSnapshot,
    totals: Mapping[CountQuestion, int],
) -> Question:
    event = evaluation.event
    if not _has_count(condition):
        return Question.of(condition, event)
    total = totals[_counted(event, condition)]
    return Question.of(condition, event, lambda _: total)


def _answer(
    question: Question,
    condition: ConditionSnapshot,
    said: Mapping[Question, bool | ConditionFailed],
    broken: Mapping[str, Exception],
) -> bool | ConditionFailed:
    error = broken.get(condition.type)
    if error is not None:
        return ConditionFailed("handler_error", f"{type(error).__name__}: {error}")
    return said[question]


def judge_evaluation(answered: Answered, now: datetime) -> Judged:
    """Return what the workflow says now that its slow conditions have answered."""
    evaluation = answered.evaluation
    matched = guarded_match(
        evaluation.event,
        evaluation.workflow_id,
        answered.workflow,
        [evaluation.detection],
        now,
        Again(
            only=None if evaluation.ifs is None else frozenset(evaluation.ifs),
            answers=answered.answers,
        ),
    )
    return Judged(
        trace_id=new_trace_id(),
        event=evaluation.event,
        item="evaluate",
        matched=(matched,),
    )


def begin_waits(
    detector: Detector | DetectorSnapshot, ledger: Ledger, now: datetime
) -> None:
    """Start the waits that an enabled detector's kind asks for before its first event.

    A subject that has a state is waited for already, or was heard of. Its kind must have
    accepted the configuration.
    """
    entry = registry.detectors.get(detector.kind)
    if entry is None or entry.begin is None or not detector.enabled:
        return
    wanted: dict[SubjectKey, State] = {
        (detector.id, environment, subject): state
        for (environment, subject), state in entry.begin(detector.config, now).items()
    }
    known = ledger.states(wanted) if wanted else {}
    begun = {key: state for key, state in wanted.items() if key not in known}
    if not begun:
        return
    with ledger.transaction():
        refused = ledger.publish(begun)
        wakes = tuple(
            Wake(key=key, due_at=state.wake_at)
            for key, state in sorted(begun.items())
            if state.wake_at is not None and key not in refused
        )
        ledger.write(Effects(wakes=wakes), now)


def pause_of(detector: DetectorSnapshot) -> timedelta | None:
    """Return when to see again whether a detector can be asked; None when it can be now.

    It cannot while it is off, its configuration is refused, or its kind is not known here.
    """
    is_known = registry.detectors.get(detector.kind) is not None
    if is_known and detector.enabled and not detector.problem:
        return None
    config = detector.config if isinstance(detector.config, dict) else {}
    period = config.get("for")
    seconds = period if isinstance(period, int) else _SHORTEST_PAUSE_SECONDS
    bounded = min(max(seconds, _SHORTEST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
    return timedelta(seconds=bounded)


class Ticked(msgspec.Struct, frozen=True, kw_only=True):
    """A detector asked again: what follows, its state, and when to ask once more."""

    judged: Judged
    state: State
    wake_at: datetime | None


def tick(
    detector: DetectorSnapshot,
    key: SubjectKey,
    state: State,
    now: datetime,
    due_at: datetime,
) -> Ticked | None:
    """Ask a detector's kind again at `due_at`; None when it has nothing to be asked."""
    entry = registry.detectors.get(detector.kind)
    if entry is None or entry.tick is None or detector.problem or not detector.enabled:
        return None
    try:
        after, answer = checked(entry.tick(state, detector.config, now), now)
        line, after = conclude(detector, after, answer, now)
    except Exception as error:  # noqa: BLE001 - told in the trace as detector_error
        after = state
        line = broken(detector, error)
    event = synthetic_event(detector, key, after, due_at)
    found = [detector.id] if line.detection is not None else []
    kept = resume(after).replace(wake_at=None)
    judged = judge_lines(
        event, (line,), links_of(found), now, moved=kept != state, item="detect"
    )
    return Ticked(judged=judged, state=kept, wake_at=after.wake_at)


def synthetic_event(
    detector: DetectorSnapshot, key: SubjectKey, state: State, due_at: datetime
) -> Event:
    """Return the event that stands for "time has passed", named after the episode."""
    _, environment, subject = key
    data: dict[str, JSON] = {"for": detector.config.get("for"), "last_seen_at": None}
    if state.last_seen_at is not None:
        data["last_seen_at"] = msgspec.to_builtins(state.last_seen_at)
    parts = (detector.kind, detector.slug, environment, subject, str(state.episode))
    return Event(
        id=":".join(parts)[:EVENT_ID_CHARACTERS],
        source=f"{SYNTHETIC_SOURCE}/{detector.slug}",
        type=detector.event_type,
        time=due_at,
        accepted_at=due_at,
        subject=subject,
        environment=environment,
        data=data,
    )
