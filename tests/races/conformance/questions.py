"""Questions about rules that are as small as the models of the checker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from tests.races.conformance.stage import stop
from workflow_engine.caches import CacheAccess, CacheMapping, Direct, Resolved
from workflow_engine.caches.declared import Declared
from workflow_engine.caches.mapping import Row
from workflow_engine.models import Detector, Environment, Workflow

Access: TypeAlias = CacheAccess[Any, Any]


def versions(among: Declared) -> Access:
    """Ask for the version of a row, 0 for none: its name is v and the number."""

    def load(keys: Sequence[int]) -> dict[int, int]:
        stop("loads")
        rows = Environment.objects.filter(pk__in=keys).values_list("pk", "name")
        return dict.fromkeys(keys, 0) | {key: int(name[1:]) for key, name in rows}

    return CacheAccess(
        CacheMapping("conformance", str),
        load=load,
        depends_on={Environment: Direct(("id",), lambda row: {row["id"]})},
        value_type=int,
        empties=(),
        among=among,
    )


def by_source(among: Declared) -> Access:
    """Ask which detectors watch a source: an entry that rows enter and leave."""

    def load(keys: Sequence[str]) -> dict[str, tuple[int, ...]]:
        stop("loads")
        found = Detector.objects.filter(source__in=keys).values_list("source", "pk")
        return {key: tuple(pk for name, pk in found if name == key) for key in keys}

    return CacheAccess(
        CacheMapping("conformance", str),
        load=load,
        depends_on={Detector: Direct(("source",), lambda row: {row["source"]})},
        value_type=tuple[int, ...],
        empties=(),
        among=among,
    )


def shown(among: Declared) -> Access:
    """Ask what a child shows of its parent: its description, or "" without one."""

    def load(keys: Sequence[int]) -> dict[int, str]:
        stop("loads")
        found = Workflow.objects.filter(pk__in=keys, environment__isnull=False)
        pairs = found.values_list("pk", "environment__description")
        return dict.fromkeys(keys, "") | dict(pairs)

    def children(rows: Sequence[Row], using: str) -> set[int]:
        stop("resolves")
        parents = [row["id"] for row in rows]
        found = Workflow.objects.using(using).filter(environment__in=parents)
        return set(found.values_list("pk", flat=True))

    return CacheAccess(
        CacheMapping("conformance", str),
        load=load,
        depends_on={
            Workflow: Direct(("id",), lambda row: {row["id"]}),
            Environment: Resolved(("id",), children),
        },
        value_type=str,
        empties=(),
        among=among,
    )
