"""Detectors: which watch a route, and each with its trigger group."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from workflow_engine import registry
from workflow_engine.caches import CacheAccess, CacheMapping, Direct
from workflow_engine.caches.mapping import parse_id
from workflow_engine.conf import options
from workflow_engine.lookups.configs import read_config
from workflow_engine.lookups.groups import build_groups
from workflow_engine.lookups.owners import (
    DETECTOR_OF_CHILD,
    DETECTOR_OF_GROUP,
    ITSELF,
)
from workflow_engine.lookups.parts import CONDITION, CONFIG, GROUP, Parts, part, read
from workflow_engine.lookups.revision import with_detector_revision
from workflow_engine.models import Condition, ConditionGroup, Detector
from workflow_engine.types.routes import ANY_SOURCE, candidate_routes
from workflow_engine.types.snapshots import (
    ABSENT,
    Absent,
    DetectorId,
    DetectorSnapshot,
    Route,
)


def _load_ids(routes: Sequence[Route]) -> dict[Route, tuple[DetectorId, ...]]:
    # Types and sources apart give a few rows too many, and no statement that grows with
    # the pairs: SQLite takes an expression of at most 1000 levels.
    rows = Detector.objects.using(options.DATABASE).filter(
        enabled=True,
        event_type__in={event_type for event_type, _ in routes},
        source__in={source for _, source in routes},
    )
    found: dict[Route, list[DetectorId]] = defaultdict(list)
    for event_type, source, key in rows.values_list("event_type", "source", "pk"):
        found[event_type, source].append(key)
    return {route: tuple(sorted(found[route])) for route in routes}


def _load(ids: Sequence[DetectorId]) -> dict[DetectorId, DetectorSnapshot | Absent]:
    using = options.DATABASE
    own = {
        "id": "id",
        "slug": "slug",
        "name": "name",
        "event_type": "event_type",
        "source": "source",
        "kind": "kind",
        "config": CONFIG,
        "enabled": "enabled",
    }
    detector_rows = Detector.objects.using(using).filter(pk__in=ids)
    groups = ConditionGroup.objects.using(using).filter(detector__in=ids)
    conditions = Condition.objects.using(using).filter(group__detector__in=ids)
    found = read(
        part(detector_rows, "detector", owner="id", columns=own),
        part(groups, "group", owner="detector_id", columns=GROUP),
        part(conditions, "condition", owner="group__detector_id", columns=CONDITION),
    )
    return {key: _build(found[key]) if key in found else ABSENT for key in ids}


def _build(parts: Parts) -> DetectorSnapshot:
    (own,) = parts["detector"]
    config, problem = read_config(own["config"], registry.detectors.get(own["kind"]))
    trigger = build_groups(parts)["trigger"]
    return with_detector_revision(
        DetectorSnapshot(
            id=own["id"],
            slug=own["slug"],
            name=own["name"],
            event_type=own["event_type"],
            source=own["source"],
            kind=own["kind"],
            config=config,
            enabled=bool(own["enabled"]),
            trigger=trigger[0] if trigger else None,
            problem=problem,
        )
    )


def _route_suffix(route: Route) -> str:
    # Routes are as long and as free as events make them; a name in a cache is not.
    event_type, source = route
    text = f"{len(event_type)}:{event_type}{source}"
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def _parse_route(text: str) -> Route:
    event_type, _, source = text.partition("@")
    if not event_type:
        message = (
            "a route is an event type, alone or at a source, such as "
            f"com.github.push@/repo; not {text!r}"
        )
        raise ValueError(message)
    return event_type, source or ANY_SOURCE


def _known_routes() -> Iterable[Route]:
    """Yield the routes of all rows, and those that events on them ask for beside these."""
    rows = Detector.objects.using(options.DATABASE).order_by()
    for event_type, source in rows.values_list("event_type", "source").distinct():
        yield from candidate_routes(event_type, source)


detector_ids_by_route: CacheAccess[Route, tuple[DetectorId, ...]] = CacheAccess(
    CacheMapping("detector_ids_by_route", _route_suffix, _parse_route, _known_routes),
    load=_load_ids,
    depends_on={
        Detector: Direct(
            ("event_type", "source"),
            lambda row: {(row["event_type"], row["source"])},
        )
    },
    value_type=tuple[DetectorId, ...],
)

detectors: CacheAccess[DetectorId, DetectorSnapshot | Absent] = CacheAccess(
    CacheMapping("detectors", str, parse_id),
    load=_load,
    depends_on={
        Detector: ITSELF,
        ConditionGroup: DETECTOR_OF_GROUP,
        Condition: DETECTOR_OF_CHILD,
    },
    value_type=DetectorSnapshot | Absent,
    also=registry.fingerprint,
    empties=(ABSENT,),
)
