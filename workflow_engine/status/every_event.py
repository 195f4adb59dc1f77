"""Every event: which rules have nothing that limits them."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Exists, OuterRef, Q

from workflow_engine.models import (
    Condition,
    ConditionGroup,
    DetectorWorkflow,
    Workflow,
)
from workflow_engine.status.pages import page_of
from workflow_engine.status.part import Level, Part, Remark, Row

NAME: Final = "rules"

#: So many are named; who has more knows enough.
NAMED: Final = 5


def unlimited_workflows(workflows: Any) -> Any:
    """Annotate workflows with `acts_always`: no condition stands before an action."""
    conditions = Condition.objects.filter(group__workflow=OuterRef("pk"))
    open_ifs = ConditionGroup.objects.filter(
        ~Exists(Condition.objects.filter(group=OuterRef("pk"))),
        role="if",
        workflow=OuterRef("pk"),
        carried__isnull=False,
    )
    return workflows.annotate(
        acts_always=Exists(open_ifs) & ~Exists(conditions.filter(group__role="when"))
    )


def unlimited_detectors(detectors: Any) -> Any:
    """Annotate detectors with `takes_all`: every type, any source, no trigger condition."""
    conditions = Condition.objects.filter(group__detector=OuterRef("pk"))
    return detectors.annotate(
        takes_all=Q(event_type="*", source="") & ~Exists(conditions)
    )


def read(using: str) -> list[tuple[int, str]]:
    """Return the workflows that act on whatever their detectors take; one query.

    As pairs of id and slug, in the order of the slugs, and one more than are named. Those
    that are disabled, or have no detector, act on nothing.
    """
    links = DetectorWorkflow.objects.filter(workflow=OuterRef("pk"))
    found = (
        unlimited_workflows(Workflow.objects.using(using))
        .filter(Exists(links), enabled=True, acts_always=True)
        .order_by("slug")
        .values_list("pk", "slug")
    )
    return list(found[: NAMED + 1])


def judge(found: list[tuple[int, str]]) -> Part:
    """Return what is to be said of them."""
    named = found[:NAMED]
    remarks = [
        _remark(f'"{slug}" matches every event', Row(model="workflow", pk=pk))
        for pk, slug in named
    ]
    if len(found) > NAMED:
        remarks.append(Remark(text="and more do", level=Level.WARN))
    return Part(
        name=NAME,
        remarks=tuple(remarks) or (Remark(text="none matches every event"),),
        facts={
            "every_event": [slug for _, slug in named],
            "are_more": len(found) > NAMED,
        },
    )


def _remark(text: str, row: Row) -> Remark:
    return Remark(text=text, level=Level.WARN, cure=page_of(row), row=row)
