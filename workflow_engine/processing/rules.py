"""Rules: the snapshots that a batch of events needs, each look-up done once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from workflow_engine.caches import LookUp
from workflow_engine.lookups import (
    detector_ids_by_route,
    detectors,
    workflow_ids_by_detector,
    workflows,
)
from workflow_engine.types.event import Event
from workflow_engine.types.routes import candidate_routes
from workflow_engine.types.snapshots import (
    Absent,
    DetectorId,
    DetectorSnapshot,
    Route,
    WorkflowId,
    WorkflowSnapshot,
)


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """Which workflows care for some detectors.

    Attributes:
        workflow_ids: Of each detector asked for.
        workflows: Of each workflow id among them; ABSENT when the row is gone.
    """

    workflow_ids: dict[DetectorId, tuple[WorkflowId, ...]]
    workflows: dict[WorkflowId, WorkflowSnapshot | Absent]

    def of(self, detector_id: DetectorId) -> tuple[WorkflowSnapshot, ...]:
        """Return the workflows of a detector that are still there."""
        found = (self.workflows[i] for i in self.workflow_ids[detector_id])
        return tuple(w for w in found if isinstance(w, WorkflowSnapshot))


def detectors_of(events: Sequence[Event]) -> list[tuple[DetectorSnapshot, ...]]:
    """Return the detectors on each event's routes; one look-up for all of them."""
    routes: dict[Route, tuple[Route, ...]] = {}
    for event in events:
        pair = (event.type, event.source)
        if pair not in routes:
            routes[pair] = candidate_routes(event.type, event.source)
    every = dict.fromkeys(route for found in routes.values() for route in found)
    look_up = LookUp(detector_ids_by_route, detectors)
    ids_by_route = look_up.get_many(detector_ids_by_route, every)
    snapshots = look_up.get_many(
        detectors, {i for ids in ids_by_route.values() for i in ids}
    )
    by_pair: dict[Route, tuple[DetectorSnapshot, ...]] = {}
    for pair, found in routes.items():
        ids = sorted({i for route in found for i in ids_by_route[route]})
        there = (snapshots[i] for i in ids)
        by_pair[pair] = tuple(d for d in there if isinstance(d, DetectorSnapshot))
    return [by_pair[event.type, event.source] for event in events]


def links_of(detector_ids: Iterable[DetectorId]) -> Links:
    """Return the workflows of these detectors; one look-up for all of them, none for none."""
    look_up = LookUp(workflow_ids_by_detector, workflows)
    workflow_ids = look_up.get_many(workflow_ids_by_detector, sorted(set(detector_ids)))
    wanted = sorted({i for ids in workflow_ids.values() for i in ids})
    return Links(
        workflow_ids=workflow_ids, workflows=look_up.get_many(workflows, wanted)
    )
