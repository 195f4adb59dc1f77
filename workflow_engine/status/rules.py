"""Rules: what is in the database to be looked up, and whether its changes are noticed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from django.apps import apps
from django.db import connections
from django.db.models import Count, Q

from workflow_engine.models import Detector, Environment, Workflow, WorkItem
from workflow_engine.models.cache_triggers import missing
from workflow_engine.status.part import Level, Part, Remark, counted, grouped

NAME: Final = "database"
MIGRATE: Final = "python manage.py migrate workflow_engine"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What was found.

    Attributes:
        unnoticed: The tables whose database triggers are missing or disabled.
    """

    workflows: int
    workflows_enabled: int
    detectors: int
    environments: int
    unnoticed: tuple[str, ...]


def absent_tables(using: str) -> list[str]:
    """Return the tables of ours that a migration has still to make; one query.

    Of a database that was never migrated nothing is returned: whatever is asked next says
    so, as it does in every other command.
    """
    models = apps.get_app_config("workflow_engine").get_models(
        include_auto_created=True
    )
    there = connections[using].introspection.table_names()
    if WorkItem._meta.db_table not in there:
        return []
    return sorted({model._meta.db_table for model in models} - set(there))


def read(using: str) -> Rules:
    """Return what is there; five queries."""
    workflows = Workflow.objects.using(using).aggregate(
        all=Count("pk"), enabled=Count("pk", filter=Q(enabled=True))
    )
    return Rules(
        workflows=workflows["all"],
        workflows_enabled=workflows["enabled"],
        detectors=Detector.objects.using(using).count(),
        environments=Environment.objects.using(using).count(),
        unnoticed=tuple(missing(using)),
    )


def judge(rules: Rules) -> Part:
    """Return what is to be said of it."""
    enabled, workflows = grouped(rules.workflows_enabled), grouped(rules.workflows)
    noun = "workflow" if rules.workflows == 1 else "workflows"
    return Part(
        name=NAME,
        remarks=(
            Remark(text=f"{enabled} of {workflows} {noun} enabled"),
            Remark(text=counted(rules.detectors, "detector")),
            Remark(text=counted(rules.environments, "environment")),
            noticing(rules.unnoticed),
        ),
        facts={
            "workflows": rules.workflows,
            "workflows_enabled": rules.workflows_enabled,
            "detectors": rules.detectors,
            "environments": rules.environments,
            "tables_without_triggers": list(rules.unnoticed),
            "tables_missing": [],
        },
    )


def judge_absent(tables: list[str]) -> Part:
    """Return what is to be said of a database that lacks some of our tables."""
    text = f"not there yet: {', '.join(tables)}"
    return Part(
        name=NAME,
        remarks=(Remark(text=text, level=Level.ERROR, cure=MIGRATE),),
        facts={"tables_missing": list(tables)},
    )


def noticing(unnoticed: Collection[str]) -> Remark:
    """Return what is to be said of the tables whose changes are not noticed."""
    if not unnoticed:
        return Remark(text="triggers in place")
    text = f"trigger missing or disabled on {', '.join(unnoticed)}"
    return Remark(text=text, level=Level.ERROR, cure=MIGRATE)
