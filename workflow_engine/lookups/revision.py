"""Revision: names the configuration of a rule, not its rows.

Equal rules have equal revisions wherever they were imported, so keys take no part, nor do
positions (the order of the tuples says it), nor what this process thinks of a configuration.
"""

from __future__ import annotations

from msgspec.structs import replace

from workflow_engine.types.snapshots import (
    CarriedAction,
    DetectorSnapshot,
    GroupSnapshot,
    IfGroupSnapshot,
    WorkflowSnapshot,
    digest_of,
)


def with_detector_revision(snapshot: DetectorSnapshot) -> DetectorSnapshot:
    """Return the snapshot with its revision."""
    bare = replace(
        snapshot, id=0, problem="", revision="", trigger=_bare(snapshot.trigger)
    )
    return replace(snapshot, revision=digest_of(bare))


def with_workflow_revision(snapshot: WorkflowSnapshot) -> WorkflowSnapshot:
    """Return the snapshot with its revision."""
    bare = replace(
        snapshot,
        id=0,
        revision="",
        when=_bare(snapshot.when),
        ifs=tuple(_bare_if(one) for one in snapshot.ifs),
    )
    return replace(snapshot, revision=digest_of(bare))


def _bare(group: GroupSnapshot | None) -> GroupSnapshot | None:
    if group is None:
        return None
    conditions = tuple(
        replace(one, id=0, position=0, problem="") for one in group.conditions
    )
    return replace(group, id=0, position=0, conditions=conditions)


def _bare_if(one: IfGroupSnapshot) -> IfGroupSnapshot:
    return IfGroupSnapshot(
        group=_bare(one.group) or one.group,
        actions=tuple(_bare_carried(carried) for carried in one.actions),
    )


def _bare_carried(carried: CarriedAction) -> CarriedAction:
    action = replace(carried.action, id=0, problem="")
    return replace(carried, action=action, position=0)
