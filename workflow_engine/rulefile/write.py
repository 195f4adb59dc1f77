"""Write: one rule of the file into its row, by its name, with everything it owns."""

from __future__ import annotations

from typing import Final

from workflow_engine.models import (
    Action,
    ConditionGroup,
    Detector,
    DetectorWorkflow,
    Environment,
    Workflow,
)
from workflow_engine.rulefile.children import write_group, write_ifs
from workflow_engine.rulefile.document import (
    ActionRule,
    DetectorRule,
    EnvironmentRule,
    WorkflowRule,
)
from workflow_engine.rulefile.read import groups_of
from workflow_engine.rulefile.row import put
from workflow_engine.types.instants import parse_instant

_WITH_RESULTS: Final = "event"  # the one kind whose conditions may carry a priority


def write_environment(rule: EnvironmentRule, using: str) -> None:
    """Make an environment what the file says."""
    rows = Environment.objects.using(using)
    row = rows.filter(name=rule.name).first() or Environment(name=rule.name)
    put(row, {"description": rule.description or ""}, using)


def write_detector(rule: DetectorRule, using: str) -> None:
    """Make a detector and its trigger group what the file says."""
    rows = Detector.objects.using(using)
    row = rows.filter(slug=rule.slug).first() or Detector(slug=rule.slug)
    group = next(iter(groups_of("detector", row, using)), None)
    new = ConditionGroup(role=ConditionGroup.Role.TRIGGER, detector=row)
    values = {
        "name": rule.name,
        "event_type": rule.event_type,
        "source": rule.source,
        "kind": rule.kind,
        "config": rule.config,
        "enabled": rule.enabled,
    }
    if group is None or rule.kind == _WITH_RESULTS:
        put(row, values, using)
        write_group(group, new, rule.trigger, using)
    else:
        # No priority may be left in its conditions when the detector gets such a kind.
        write_group(group, new, rule.trigger, using)
        put(row, values, using)


def write_action(rule: ActionRule, using: str) -> None:
    """Make an action what the file says."""
    rows = Action.objects.using(using)
    row = rows.filter(slug=rule.slug).first() or Action(slug=rule.slug)
    values = {
        "name": rule.name,
        "kind": rule.kind,
        "config": rule.config,
        "enabled": rule.enabled,
    }
    put(row, values, using)


def write_workflow(rule: WorkflowRule, using: str) -> None:
    """Make a workflow, its groups and its links what the file says."""
    rows = Workflow.objects.using(using)
    row = rows.filter(slug=rule.slug).first() or Workflow(slug=rule.slug)
    groups = groups_of("workflow", row, using)
    values = {
        "name": rule.name,
        "description": rule.description or "",
        "enabled": rule.enabled,
        "environment_id": _environment_id(rule.environment, using),
        "interval": rule.interval,
        "snoozed_until": parse_instant(rule.snoozed_until or ""),
        "snooze_note": rule.snooze_note,
    }
    put(row, values, using)
    role = ConditionGroup.Role
    when = next((group for group in groups if group.role == role.WHEN), None)
    write_group(when, ConditionGroup(role=role.WHEN, workflow=row), rule.when, using)
    ifs = [group for group in groups if group.role == role.IF]
    write_ifs(row, ifs, rule.ifs, using)
    _write_links(row, rule.detectors, using)


def _environment_id(name: str | None, using: str) -> int | None:
    if name is None:
        return None
    return Environment.objects.using(using).get(name=name).pk


def _write_links(workflow: Workflow, slugs: tuple[str, ...], using: str) -> None:
    links = DetectorWorkflow.objects.using(using).filter(workflow=workflow)
    found = {link.detector.slug: link for link in links.select_related("detector")}
    for slug, link in found.items():
        if slug not in slugs:
            link.delete(using=using)
    missing = Detector.objects.using(using).filter(slug__in=set(slugs) - found.keys())
    for detector in missing.order_by("pk"):
        DetectorWorkflow(detector=detector, workflow=workflow).save(using=using)
