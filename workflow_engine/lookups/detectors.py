"""Detectors: which watch a route, and each with its trigger group."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection
from functools import reduce
from operator import or_
from typing import Any

import msgspec
from django.db.models import Q

from workflow_engine import registry
from workflow_engine.caches import CacheAccess, CacheMapping
from workflow_engine.conf import options
from workflow_engine.lookups.groups import (
    GROUP_COLUMNS,
    GroupRow,
    build_groups,
    problem_of,
)
from workflow_engine.lookups.owners import detectors_of_condition, detectors_of_group
from workflow_engine.models import Condition, ConditionGroup, Detector
from workflow_engine.types.snapshots import (
    ABSENT,
    Absent,
    DetectorId,
    DetectorSnapshot,
    Route,
    digest_of,
)

_COLUMNS = ("id", "slug", "name", "event_type", "source", "kind", "config", "enabled")


def _load_ids(routes: Collection[Route]) -> dict[Route, tuple[DetectorId, ...]]:
    watched = reduce(or_, (Q(event_type=t, source=s) for t, s in routes))
    rows = (
        Detector.objects.using(options.DATABASE)
        .filter(watched, enabled=True)
        .order_by("id")
        .values_list("event_type", "source", "id")
    )
    found: dict[Route, list[DetectorId]] = defaultdict(list)
    for event_type, source, detector_id in rows:
        found[event_type, source].append(detector_id)
    return {route: tuple(found[route]) for route in routes}


def _load(ids: Collection[DetectorId]) -> dict[DetectorId, DetectorSnapshot | Absent]:
    rows = (
        Detector.objects.using(options.DATABASE)
        .filter(pk__in=ids)
        .values_list(*_COLUMNS, *GROUP_COLUMNS)
    )
    by_id: dict[DetectorId, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        by_id[row[0]].append(row)
    return {key: _build(by_id[key]) if key in by_id else ABSENT for key in ids}


def _build(rows: list[tuple[Any, ...]]) -> DetectorSnapshot:
    own = dict(zip(_COLUMNS, rows[0], strict=False))
    groups = build_groups(GroupRow(*row[len(_COLUMNS) :]) for row in rows)
    snapshot = DetectorSnapshot(
        **own,
        trigger=next(iter(groups.values()), None),
        problem=problem_of(registry.detectors.get(own["kind"]), own["config"]),
    )
    return msgspec.structs.replace(snapshot, revision=digest_of(snapshot))


def _route_suffix(route: Route) -> str:
    """A hash over parts with their lengths, so that no two routes give one text."""
    text = "".join(f"{len(part)}:{part}" for part in route)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


detector_ids_by_route: CacheAccess[Route, tuple[DetectorId, ...]] = CacheAccess(
    mapping=CacheMapping("detector_ids_by_route", _route_suffix),
    load=_load_ids,
    depends_on={Detector: lambda row: {(row.event_type, row.source)}},
)

detectors: CacheAccess[DetectorId, DetectorSnapshot | Absent] = CacheAccess(
    mapping=CacheMapping("detectors", str),
    load=_load,
    depends_on={
        Detector: lambda row: {row.id},
        ConditionGroup: detectors_of_group,
        Condition: detectors_of_condition,
    },
)
