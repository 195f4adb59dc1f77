"""Asking: the question of every event, answered by a look-up and by the database alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from workflow_engine import clock
from workflow_engine.caches.coherence import CellState, Coherence
from workflow_engine.caches.look_up import mode_of
from workflow_engine.conf import options
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.inspection.keys import AnyQuestion
from workflow_engine.lookups.workflows import (
    applicable,
    workflow_ids_by_detector,
    workflows,
    workflows_for_detectors,
)
from workflow_engine.types.snapshots import (
    Absent,
    DetectorId,
    WorkflowId,
    WorkflowSnapshot,
)

#: Entries whose state is looked at, each in a trip to the server of its own.
MOST_STATES: Final = 100

States: TypeAlias = dict[tuple[str, Any], CellState]

#: The questions behind the answer, in the order they are asked.
BEHIND: Final[tuple[AnyQuestion, ...]] = (workflow_ids_by_detector, workflows)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """An entry that the answer is made of.

    Attributes:
        access: Name of its access.
        key: As people type it.
        state: As it was before the look-up, which may have filled it; None: not looked at.
    """

    access: str
    key: str
    state: CellState | None


@dataclass(frozen=True, kw_only=True)
class OfWorkflow:
    """One workflow that is linked to a detector, by one side or both.

    Attributes:
        workflow_id: Its id.
        name: Its name; "" = there is no such row.
        cached: It, if it applies as the look-up answers.
        loaded: It, if it applies as the database says.
        why_not: Why it does not apply, by the database: unlinked, gone, disabled,
            environment; "" = it does.
        entry: Its entry.
    """

    workflow_id: WorkflowId
    name: str
    cached: WorkflowSnapshot | None
    loaded: WorkflowSnapshot | None
    why_not: str
    entry: Taken

    @property
    def is_different(self) -> bool:
        """Whether the two say different things, be it in one field."""
        return self.cached != self.loaded


@dataclass(frozen=True, kw_only=True)
class OfDetector:
    """What applies to one detector.

    Attributes:
        detector_id: Its id.
        links: The entry that says which workflows are linked.
        workflows: Those linked, whether they apply or not.
    """

    detector_id: DetectorId
    links: Taken
    workflows: tuple[OfWorkflow, ...]

    @property
    def is_different(self) -> bool:
        """Whether the two say different things."""
        return any(one.is_different for one in self.workflows)


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What applies to some detectors in an environment.

    Attributes:
        detectors: In the order in which they were asked for.
        was_repeated: Whether there was a difference before, after which time was given
            to a writer to forget.
        away: Why the entries could not be looked at; None = they were.
    """

    detectors: tuple[OfDetector, ...]
    was_repeated: bool = False
    away: CacheUnavailable | None = None

    @property
    def is_different(self) -> bool:
        """Whether something differs."""
        return any(one.is_different for one in self.detectors)


def ask(
    coherence: Coherence,
    detector_ids: Sequence[DetectorId],
    environment: str,
    *,
    is_shared: bool,
    most_wait_seconds: float,
) -> Answered:
    """Ask both sides; once more after the grace period where they differ.

    Not once more where the grace period is longer than `most_wait_seconds`. The look-up is a
    real one: it fills entries and is counted. `coherence` is that of this process;
    `is_shared`: whether entries are in Redis, where their states can be seen.
    """
    first = _ask(coherence, detector_ids, environment, is_shared=is_shared)
    grace_seconds = options.CACHE_VERIFY_GRACE_SECONDS
    if not first.is_different or grace_seconds > most_wait_seconds:
        return first
    clock.pause(grace_seconds)
    second = _ask(coherence, detector_ids, environment, is_shared=is_shared)
    return replace(second, was_repeated=True)


def modes_beside_enabled() -> dict[str, str]:
    """Return the accesses behind the answer that the database answers, with their mode."""
    modes = {one.name: mode_of(one.name) for one in BEHIND}
    return {name: mode for name, mode in modes.items() if mode != "enabled"}


def _ask(
    coherence: Coherence,
    detector_ids: Sequence[DetectorId],
    environment: str,
    *,
    is_shared: bool,
) -> Answered:
    linked = workflow_ids_by_detector.load(detector_ids)
    # Before the look-up, which may fill them.
    states, away = _states(coherence, linked) if is_shared else ({}, None)
    cached = workflows_for_detectors(linked, environment)
    found = workflows.load([key for keys in linked.values() for key in keys])
    sides = _Sides(
        linked=linked,
        found=found,
        cached=cached,
        loaded=applicable(linked, found, environment),
        states=states,
    )
    return Answered(detectors=tuple(map(sides.of_detector, linked)), away=away)


@dataclass(frozen=True, kw_only=True)
class _Sides:
    """All that was answered, to be put side by side.

    Attributes:
        linked: Which workflows are linked, by the database.
        found: What they are, by the database.
        cached: What applies, by the look-up.
        loaded: What applies, by the database.
        states: Of entries, by access and key.
    """

    linked: dict[DetectorId, tuple[WorkflowId, ...]]
    found: dict[WorkflowId, WorkflowSnapshot | Absent]
    cached: dict[DetectorId, tuple[WorkflowSnapshot, ...]]
    loaded: dict[DetectorId, tuple[WorkflowSnapshot, ...]]
    states: States

    def of_detector(self, detector_id: DetectorId) -> OfDetector:
        cached = {one.id: one for one in self.cached[detector_id]}
        loaded = {one.id: one for one in self.loaded[detector_id]}
        keys = dict.fromkeys((*self.linked[detector_id], *cached))
        return OfDetector(
            detector_id=detector_id,
            links=self._taken(workflow_ids_by_detector, detector_id),
            workflows=tuple(
                self._of_workflow(key, cached.get(key), loaded.get(key)) for key in keys
            ),
        )

    def _of_workflow(
        self,
        key: WorkflowId,
        cached: WorkflowSnapshot | None,
        loaded: WorkflowSnapshot | None,
    ) -> OfWorkflow:
        row = self.found.get(key) or cached
        return OfWorkflow(
            workflow_id=key,
            name=row.name if isinstance(row, WorkflowSnapshot) else "",
            cached=cached,
            loaded=loaded,
            why_not="" if loaded else self._why_not(key),
            entry=self._taken(workflows, key),
        )

    def _why_not(self, key: WorkflowId) -> str:
        row = self.found.get(key)
        if row is None:
            return "unlinked"
        if not isinstance(row, WorkflowSnapshot):
            return "gone"
        return "environment" if row.enabled else "disabled"

    def _taken(self, question: AnyQuestion, key: Any) -> Taken:
        state = self.states.get((question.name, key))
        return Taken(access=question.name, key=str(key), state=state)


def _states(
    coherence: Coherence, linked: dict[DetectorId, tuple[WorkflowId, ...]]
) -> tuple[States, CacheUnavailable | None]:
    """Return the states of the first entries, and why there are no more of them."""
    states: States = {}
    try:
        for question, key in _entries(linked):
            if len(states) >= MOST_STATES:
                break
            states[question.name, key] = coherence.peek(question, key).state
    except CacheUnavailable as error:
        return states, error
    return states, None


def _entries(
    linked: dict[DetectorId, tuple[WorkflowId, ...]],
) -> Iterable[tuple[AnyQuestion, Any]]:
    for detector_id, keys in linked.items():
        yield workflow_ids_by_detector, detector_id
        yield from ((workflows, key) for key in keys)
