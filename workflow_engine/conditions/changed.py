"""Changed: whether a value differs from what the detector saw there last."""

from __future__ import annotations

from typing import Final

from workflow_engine.conditions.base import (
    PATH_SCHEMA,
    path_problems,
    register_condition,
)
from workflow_engine.conditions.equality import equal, sight
from workflow_engine.types.event import JSON
from workflow_engine.types.facts import Facts
from workflow_engine.types.snapshots import GroupSnapshot

SLUG: Final = "changed"


@register_condition(
    SLUG,
    label="changed",
    schema={
        "type": "object",
        "required": ["path"],
        "properties": {
            "path": PATH_SCHEMA,
            "to": {"title": "To", "description": "Only when it became this value"},
        },
        "additionalProperties": False,
    },
    roles=frozenset({"trigger"}),
    check=path_problems,
)
def changed(facts: Facts, config: JSON) -> bool:
    """Tell whether the value differs from the last one; the first sight is no change.

    A path that was absent and one that held null are two different values.
    """
    path = config["path"]
    value = facts.get(path)
    before = facts.last.get(path)
    if before is None or before == sight(value):
        return False
    return "to" not in config or equal(value, config["to"])


def paths_watched(group: GroupSnapshot | None) -> tuple[str, ...]:
    """Return the paths whose sights the detector is to remember, each once.

    After an event, `sight(facts.get(path))` of each belongs into the state, whether or not
    the condition was reached and whatever the group answered.
    """
    if group is None:
        return ()
    paths = (
        condition.config["path"]
        for condition in group.conditions
        if condition.type == SLUG and not condition.problem
    )
    return tuple(dict.fromkeys(paths))
