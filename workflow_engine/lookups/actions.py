"""Actions: what an if-group carries, built from parts."""

from __future__ import annotations

from collections import defaultdict

from django.db.models import TextField
from django.db.models.functions import Cast

from workflow_engine import registry
from workflow_engine.lookups.configs import read_config
from workflow_engine.lookups.groups import by_place
from workflow_engine.lookups.parts import Columns, Parts
from workflow_engine.types.snapshots import ActionSnapshot, CarriedAction, digest_of

CARRIED: Columns = {
    "id": "id",
    "group": "group_id",
    "delay": "delay",
    "on_resolve": "on_resolve",
    "position": "position",
    "action": "action_id",
    "slug": "action__slug",
    "name": "action__name",
    "kind": "action__kind",
    "config": Cast("action__config", TextField()),
    "enabled": "action__enabled",
}


def build_carried(parts: Parts) -> dict[int, tuple[CarriedAction, ...]]:
    """Return the carried actions of an owner by group, by position and key."""
    found: dict[int, tuple[CarriedAction, ...]] = defaultdict(tuple)
    for columns in sorted(parts["carried"], key=by_place):
        found[columns["group"]] += (_carried(columns),)
    return found


def _carried(columns: Columns) -> CarriedAction:
    kind = columns["kind"]
    config, problem = read_config(columns["config"], registry.actions.get(kind))
    return CarriedAction(
        action=ActionSnapshot(
            id=columns["action"],
            slug=columns["slug"],
            name=columns["name"],
            kind=kind,
            config=config,
            enabled=bool(columns["enabled"]),
            digest=digest_of([kind, config]),
            problem=problem,
        ),
        delay_seconds=columns["delay"],
        on_resolve=bool(columns["on_resolve"]),
        position=columns["position"],
    )
