"""Write: one rule of the file into its row, by its name, through the model's own `save`."""

from __future__ import annotations

from workflow_engine.models import (
    Action,
    ConditionGroup,
    Detector,
    DetectorWorkflow,
    Environment,
    Workflow,
)
from workflow_engine.rulefile.children import write_ifs, write_trigger, write_when
from workflow_engine.rulefile.document import (
    ActionRule,
    DetectorRule,
    EnvironmentRule,
    WorkflowRule,
)
from workflow_engine.types.instants import parse_instant


def write_environment(rule: EnvironmentRule, using: str) -> None:
    """Make an environment what the file says."""
    rows = Environment.objects.using(using)
    row = rows.filter(name=rule.name).first() or Environment(name=rule.name)
    row.description = rule.description or ""
    row.save(using=using)


def write_detector(rule: DetectorRule, using: str) -> None:
    """Make a detector and its trigger group what the file says."""
    rows = Detector.objects.using(using)
    row = rows.filter(slug=rule.slug).first() or Detector(
        slug=rule.slug, kind=rule.kind
    )
    if row.kind != rule.kind:
        # Its conditions may be such that the new kind refuses them.
        ConditionGroup.objects.using(using).filter(detector=row).delete()
    row.name = rule.name
    row.event_type = rule.event_type
    row.source = rule.source
    row.kind = rule.kind
    row.config = rule.config
    row.enabled = rule.enabled
    row.save(using=using)
    write_trigger(row, rule.trigger, using)


def write_action(rule: ActionRule, using: str) -> None:
    """Make an action what the file says."""
    rows = Action.objects.using(using)
    row = rows.filter(slug=rule.slug).first() or Action(slug=rule.slug)
    row.name = rule.name
    row.kind = rule.kind
    row.config = rule.config
    row.enabled = rule.enabled
    row.save(using=using)


def write_workflow(rule: WorkflowRule, using: str) -> None:
    """Make a workflow, its groups and its links what the file says."""
    rows = Workflow.objects.using(using)
    row = rows.filter(slug=rule.slug).first() or Workflow(slug=rule.slug)
    row.name = rule.name
    row.description = rule.description or ""
    row.enabled = rule.enabled
    row.environment_id = _environment_id(rule.environment, using)
    row.interval = rule.interval
    row.snoozed_until = parse_instant(rule.snoozed_until or "")
    row.snooze_note = rule.snooze_note
    row.save(using=using)
    carried = {carried.action for one in rule.ifs for carried in one.actions}
    actions = Action.objects.using(using).filter(slug__in=carried)
    write_when(row, rule.when, using)
    write_ifs(row, rule.ifs, dict(actions.values_list("slug", "pk")), using)
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
