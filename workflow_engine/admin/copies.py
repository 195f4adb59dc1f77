"""Copy: a workflow a second time, with everything it owns, disabled."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from workflow_engine.models import (
    Condition,
    ConditionGroup,
    DetectorWorkflow,
    GroupAction,
    Workflow,
)
from workflow_engine.models.fields import SLUG_CHARACTERS

_MOST_COPIES: Final = 1000
_CONDITION: Final = ("type", "config", "result", "position")
_CARRIED: Final = ("action_id", "delay", "on_resolve", "position")


@transaction.atomic
def copy_workflow(workflow: Workflow) -> Workflow:
    """Return a disabled copy under a slug that is free; its links and groups are copies too."""
    copy = Workflow.objects.create(
        slug=free_slug(workflow.slug),
        name=_("%(name)s (copy)") % {"name": workflow.name[:180]},
        description=workflow.description,
        enabled=False,
        environment=workflow.environment,
        interval=workflow.interval,
    )
    for link in workflow.links.order_by("pk"):
        DetectorWorkflow.objects.create(detector_id=link.detector_id, workflow=copy)
    for group in workflow.groups.order_by("pk"):
        _copy_group(group, copy)
    return copy


def free_slug(slug: str) -> str:
    """Return the slug with the first number behind it that nobody has."""
    base = slug[: SLUG_CHARACTERS - len(f"-copy-{_MOST_COPIES}")]
    names = [f"{base}-copy", *(f"{base}-copy-{n}" for n in range(2, _MOST_COPIES))]
    taken = set(
        Workflow.objects.filter(slug__startswith=f"{base}-copy").values_list(
            "slug", flat=True
        )
    )
    return next(name for name in names if name not in taken)


def _copy_group(group: ConditionGroup, owner: Workflow) -> None:
    copy = ConditionGroup.objects.create(
        role=group.role, logic=group.logic, position=group.position, workflow=owner
    )
    for condition in group.conditions.order_by("position", "pk"):
        Condition.objects.create(group=copy, **_fields(condition, _CONDITION))
    for carried in group.carried.order_by("position", "pk"):
        GroupAction.objects.create(group=copy, **_fields(carried, _CARRIED))


def _fields(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}
