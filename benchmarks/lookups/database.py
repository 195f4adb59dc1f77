"""Database: the two peers that keep nothing and ask every time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import psycopg
from django.db import connection
from django.db.models import Prefetch, Q, QuerySet

from benchmarks.lookups.answers import Ask, Plain
from workflow_engine.models import (
    ConditionGroup,
    DetectorWorkflow,
    GroupAction,
    Workflow,
)


def links(detector_ids: Sequence[int], environment: str) -> QuerySet[DetectorWorkflow]:
    """Return the links with everything behind them: one query with joins, and prefetches."""
    carried = GroupAction.objects.select_related("action")
    groups = ConditionGroup.objects.order_by("position", "id").prefetch_related(
        Prefetch("conditions", to_attr="condition_list"),
        Prefetch("carried", queryset=carried, to_attr="carried_list"),
    )
    return (
        DetectorWorkflow.objects.filter(
            Q(workflow__environment=None) | Q(workflow__environment__name=environment),
            detector_id__in=detector_ids,
            workflow__enabled=True,
        )
        .select_related("workflow__environment")
        .prefetch_related(
            Prefetch("workflow__groups", queryset=groups, to_attr="group_list")
        )
    )


def ask_orm(detector_ids: Sequence[int], environment: str) -> dict[int, list[Workflow]]:
    """Answer as a Django developer would."""
    found: dict[int, list[Workflow]] = {key: [] for key in detector_ids}
    for link in links(detector_ids, environment):
        found[link.detector_id].append(link.workflow)
    return found


STATEMENT: Final = """
    SELECT l.detector_id, w.id,
        w.slug, w.name, w.enabled, e.name, w.interval, w.snoozed_until, w.trace_until,
        g.id, g.role, g.logic, g.position,
        c.id, c.type, c.config, c.position, c.result,
        k.id, a.id, a.slug, a.name, a.kind, a.config, a.enabled,
        k.delay, k.on_resolve, k.position
    FROM workflow_engine_detectorworkflow l
    JOIN workflow_engine_workflow w ON w.id = l.workflow_id
    LEFT JOIN workflow_engine_environment e ON e.id = w.environment_id
    LEFT JOIN workflow_engine_conditiongroup g ON g.workflow_id = w.id
    LEFT JOIN workflow_engine_condition c ON c.group_id = g.id
    LEFT JOIN workflow_engine_groupaction k ON k.group_id = g.id
    LEFT JOIN workflow_engine_action a ON a.id = k.action_id
    WHERE l.detector_id = ANY(%s) AND w.enabled
        AND (w.environment_id IS NULL OR e.name = %s)
"""


def prepared() -> Ask:
    """Return what asks one statement that is prepared once, on a connection of psycopg."""
    given = connection.get_connection_params()
    names = ("dbname", "host", "port", "user")
    own = psycopg.connect(**{name: given[name] for name in names}, autocommit=True)
    cursor = own.cursor(binary=True)

    def ask(
        detector_ids: Sequence[int], environment: str
    ) -> dict[int, tuple[Plain, ...]]:
        rows = cursor.execute(
            STATEMENT, (list(detector_ids), environment), prepare=True
        ).fetchall()
        return _assembled(detector_ids, rows)

    return ask


def _assembled(
    detector_ids: Sequence[int], rows: Sequence[tuple[Any, ...]]
) -> dict[int, tuple[Plain, ...]]:
    """Return the answer of joined rows, in which groups multiply with what they hold."""
    own: dict[int, Plain] = {}
    groups: dict[int, dict[int, Plain]] = {}
    conditions: dict[int, dict[int, Plain]] = {}
    carried: dict[int, dict[int, Plain]] = {}
    linked: dict[int, dict[int, None]] = {key: {} for key in detector_ids}
    for row in rows:
        workflow, group = row[1], row[9]
        linked[row[0]][workflow] = None
        own[workflow] = row[1:9]
        if group is None:
            continue
        groups.setdefault(workflow, {})[group] = row[9:13]
        if row[13] is not None:
            conditions.setdefault(group, {})[row[13]] = row[13:18]
        if row[18] is not None:
            carried.setdefault(group, {})[row[18]] = row[19:28]
    whole = {
        key: (
            *columns,
            tuple(
                (
                    *group,
                    tuple(conditions.get(name, {}).values()),
                    tuple(carried.get(name, {}).values()),
                )
                for name, group in groups.get(key, {}).items()
            ),
        )
        for key, columns in own.items()
    }
    return {
        key: tuple(whole[workflow] for workflow in found)
        for key, found in linked.items()
    }
