"""Rules: the rows everybody is asked about, as `questions` describes them."""

from __future__ import annotations

import random
from typing import Final

from django.db import connection, transaction

from benchmarks.lookups.questions import (
    BOUND,
    DETECTORS,
    DISABLED_EACH,
    ENVIRONMENTS,
    LINKS_EACH,
    NEVER,
    WORKFLOWS,
    event_type,
)
from workflow_engine.models import (
    Action,
    Condition,
    ConditionGroup,
    Detector,
    DetectorWorkflow,
    Environment,
    GroupAction,
    Workflow,
)

#: A template of an action's message.
TOO_MUCH: Final = "{{ subject }}: {{ data.amount }} is too much"


def write_rules() -> None:
    """Write the rows into empty tables, so that keys count from 1 everywhere."""
    with transaction.atomic():
        environments = Environment.objects.bulk_create(
            Environment(name=f"environment-{place}") for place in range(ENVIRONMENTS)
        )
        workflows = Workflow.objects.bulk_create(
            Workflow(
                slug=f"workflow-{place}",
                name=f"Tell team {place}",
                enabled=bool((place + 1) % DISABLED_EACH),
                environment=environments[place // 2 % ENVIRONMENTS]
                if place % 2
                else None,
                interval=1800,
            )
            for place in range(WORKFLOWS)
        )
        _write_groups(workflows)
        detectors = Detector.objects.bulk_create(
            Detector(
                slug=f"detector-{place}",
                name=f"Detector {place}",
                event_type=event_type(place),
                kind="event",
            )
            for place in range(DETECTORS)
        )
        _write_triggers(detectors)
        _write_links(detectors, workflows)


def _write_groups(workflows: list[Workflow]) -> None:
    groups = ConditionGroup.objects.bulk_create(
        ConditionGroup(role="if", workflow=workflow) for workflow in workflows
    )
    Condition.objects.bulk_create(
        Condition(
            group=group,
            type="gt",
            config={"path": "data.amount", "value": NEVER + place},
        )
        for place, group in enumerate(groups)
    )
    actions = Action.objects.bulk_create(
        Action(
            slug=f"action-{place}",
            name=f"Write to team {place}",
            kind="log",
            config={
                "level": "info",
                "message": f"{TOO_MUCH}, team {place}",
            },
        )
        for place in range(len(groups))
    )
    GroupAction.objects.bulk_create(
        GroupAction(group=group, action=action, position=0)
        for group, action in zip(groups, actions, strict=True)
    )


def _write_triggers(detectors: list[Detector]) -> None:
    groups = ConditionGroup.objects.bulk_create(
        ConditionGroup(role="trigger", detector=detector) for detector in detectors
    )
    Condition.objects.bulk_create(
        Condition(
            group=group, type="gt", config={"path": "data.amount", "value": BOUND}
        )
        for group in groups
    )


def _write_links(detectors: list[Detector], workflows: list[Workflow]) -> None:
    chance = random.Random(7)  # noqa: S311 - the same links every time
    DetectorWorkflow.objects.bulk_create(
        DetectorWorkflow(detector=detector, workflow=workflow)
        for detector in detectors
        for workflow in chance.sample(workflows, LINKS_EACH)
    )


# No database trigger runs: what they would write is nobody's figure.
_QUIET: Final = "SET session_replication_role = replica"
_LOUD: Final = "RESET session_replication_role"
_MORE_DETECTORS: Final = """
    INSERT INTO workflow_engine_detector (slug, name, event_type, source, kind, config,
        enabled, created_at, updated_at)
    SELECT 'more-' || n, 'More', 'more.kind-' || n, '', 'event', '{}', true, now(), now()
    FROM generate_series(1, %s) AS n
"""
_MORE_LINKS: Final = """
    INSERT INTO workflow_engine_detectorworkflow (detector_id, workflow_id, created_at,
        updated_at)
    SELECT id, 1 + id %% %s, now(), now() FROM workflow_engine_detector WHERE id > %s
"""
_WIDE_LINKS: Final = """
    INSERT INTO workflow_engine_detectorworkflow (detector_id, workflow_id, created_at,
        updated_at)
    SELECT id, %s, now(), now() FROM workflow_engine_detector WHERE id > %s
    ORDER BY id LIMIT %s
"""


def write_many(*, detectors: int, wide_links: int) -> int:
    """Write so many more detectors with a link each; return the key of a wide workflow.

    That one is linked to `wide_links` of them. PostgreSQL only, by statements of its own:
    a million rows are too many for the ORM.
    """
    wide = Workflow.objects.create(slug="wide", name="Wide", interval=0)
    with connection.cursor() as cursor:
        cursor.execute(_QUIET)
        cursor.execute(_MORE_DETECTORS, [detectors])
        cursor.execute(_MORE_LINKS, [WORKFLOWS, DETECTORS])
        cursor.execute(_WIDE_LINKS, [wide.pk, DETECTORS, wide_links])
        cursor.execute(_LOUD)
        cursor.execute("ANALYZE")
    return wide.pk
