"""Figure: how often workflows fired and were held of late, cheap however long the history.

A page of workflows costs two queries. No workflow is counted further than to COUNTED rows;
beyond, the number reads "1000+".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, OuterRef, Q, Subquery

from workflow_engine.models import Firing, WorkflowDecision

COUNTED: Final = 1000
WINDOW: Final = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Of one workflow, as texts.

    Attributes:
        fired: Firings in WINDOW.
        held: Decisions in WINDOW that were held.
    """

    fired: str = "0"
    held: str = "0"


def with_last_fired(workflows: Any) -> Any:
    """Annotate workflows with `last_fired_at`, and with where counting may stop."""
    firings = Firing.objects.filter(workflow=OuterRef("pk")).exclude(
        purpose=Firing.Purpose.TEST
    )
    newest = firings.order_by("-decided_at").values("decided_at")
    lines = WorkflowDecision.objects.filter(workflow=OuterRef("pk"))
    return workflows.annotate(
        last_fired_at=Subquery(newest[:1]),
        fired_floor=Subquery(newest[COUNTED : COUNTED + 1]),
        line_floor=Subquery(lines.order_by("-pk").values("pk")[COUNTED : COUNTED + 1]),
    )


def figures_of(workflows: Sequence[Any], *, now: datetime) -> dict[int, Figures]:
    """Return the figures of workflows that `with_last_fired` annotated; two queries."""
    if not workflows:
        return {}
    since = now - WINDOW
    fired = _fired(workflows, since)
    held, cut = _held(workflows, since)
    return {
        row.pk: Figures(
            fired=f"{COUNTED}+"
            if row.fired_floor is not None and row.fired_floor >= since
            else str(fired.get(row.pk, 0)),
            held=f"{held.get(row.pk, 0)}{'+' if row.pk in cut else ''}",
        )
        for row in workflows
    }


def _fired(workflows: Sequence[Any], since: datetime) -> dict[int, int]:
    quiet = [
        row.pk
        for row in workflows
        if row.last_fired_at is not None
        and row.last_fired_at >= since
        and (row.fired_floor is None or row.fired_floor < since)
    ]
    counted = (
        Firing.objects.filter(workflow__in=quiet, decided_at__gte=since)
        .exclude(purpose=Firing.Purpose.TEST)
        .order_by()
        .values_list("workflow")
        .annotate(number=Count("pk"))
    )
    return dict(counted)


def _held(workflows: Sequence[Any], since: datetime) -> tuple[dict[int, int], set[int]]:
    """Return held decisions, and the workflows whose older lines were not looked at."""
    lines = Q(pk__in=[])
    for row in workflows:
        lines |= Q(workflow=row.pk, pk__gt=row.line_floor or 0)
    counted = (
        WorkflowDecision.objects.filter(lines, decision__decided_at__gte=since)
        .order_by()
        .values_list("workflow")
        .annotate(held=Count("pk", filter=Q(outcome="held")), seen=Count("pk"))
    )
    held: dict[int, int] = {}
    cut: set[int] = set()
    for workflow_id, number, seen in counted:
        held[workflow_id] = number
        if seen >= COUNTED:
            cut.add(workflow_id)
    return held, cut
