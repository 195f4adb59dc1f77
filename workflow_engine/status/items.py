"""Items: the work that is coming, late or running, and the letters that stay dead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Count, Min, Q
from django.urls import NoReverseMatch, reverse

from workflow_engine.conf import options
from workflow_engine.models import ItemState, WorkItem
from workflow_engine.models.work_item import CLAIMED_STATES
from workflow_engine.status import pausing
from workflow_engine.status.part import Level, Part, Remark, grouped
from workflow_engine.status.pausing import Paused
from workflow_engine.types.spans import span_text

#: A runner takes up what is due, or was given up, within a poll and this much.
SLACK_SECONDS: Final = 5.0

RUN: Final = "python manage.py workflow_queue"


@dataclass(frozen=True, kw_only=True)
class Items:
    """How many stand where; each live item is in one of these.

    Attributes:
        coming: Due later.
        next_in_seconds: When the first of those is due; None without any.
        due: Due now, or a moment ago.
        overdue: Due, or given up by who had claimed them, for longer than it takes a
            runner to notice.
        late_seconds: For how long the first of those has been; None without any.
        sent: Handed over, and not begun.
        running: Being carried out.
        dead: Given up for good.
        paused: The pause that lasts, if one does.
    """

    coming: int
    next_in_seconds: float | None
    due: int
    overdue: int
    late_seconds: float | None
    sent: int
    running: int
    dead: int
    paused: Paused | None


def read(using: str, now: datetime) -> Items:
    """Return how many stand where at a moment; three queries."""
    noticed = now - timedelta(seconds=SLACK_SECONDS + options.POLL_SECONDS)
    coming = Q(state=ItemState.SCHEDULED, due_at__gt=now)
    waiting = Q(state=ItemState.SCHEDULED, due_at__lt=noticed)
    lapsed = Q(state__in=CLAIMED_STATES, lease_ends_at__lt=noticed)
    claimed = Q(lease_ends_at__gte=noticed)
    items = WorkItem.objects.using(using)
    found = (
        items.live()
        .order_by()
        .aggregate(
            coming=Count("pk", filter=coming),
            next_at=Min("due_at", filter=coming),
            due=Count(
                "pk",
                filter=Q(
                    state=ItemState.SCHEDULED, due_at__gte=noticed, due_at__lte=now
                ),
            ),
            overdue=Count("pk", filter=waiting | lapsed),
            waiting_since=Min("due_at", filter=waiting),
            lapsed_since=Min("lease_ends_at", filter=lapsed),
            sent=Count("pk", filter=Q(state=ItemState.SENT) & claimed),
            running=Count("pk", filter=Q(state=ItemState.RUNNING) & claimed),
        )
    )
    since = [at for at in (found["waiting_since"], found["lapsed_since"]) if at]
    next_at = found["next_at"]
    return Items(
        coming=found["coming"],
        next_in_seconds=(next_at - now).total_seconds() if next_at else None,
        due=found["due"],
        overdue=found["overdue"],
        late_seconds=(now - min(since)).total_seconds() if since else None,
        sent=found["sent"],
        running=found["running"],
        dead=items.filter(state=ItemState.DEAD).count(),
        paused=pausing.read(using, now),
    )


def judge(items: Items) -> Part:
    """Return what is to be said of live items."""
    coming = Remark(text=f"{grouped(items.coming)} coming")
    remarks = [coming]
    if items.next_in_seconds is not None:
        remarks.append(Remark(text=f"next in {span_text(items.next_in_seconds)}"))
    remarks += [
        Remark(text=f"{grouped(items.due)} due"),
        _overdue(items),
        Remark(text=f"{grouped(items.sent)} sent"),
        Remark(text=f"{grouped(items.running)} running"),
    ]
    if items.paused is not None:
        cure = _page("workflow_engine_dashboard_changelist")
        remarks.append(Remark(text=items.paused.text, level=Level.WARN, cure=cure))
    return Part(
        name="items",
        remarks=tuple(remarks),
        facts={
            "coming": items.coming,
            "next_in_seconds": items.next_in_seconds,
            "due": items.due,
            "overdue": items.overdue,
            "late_seconds": items.late_seconds,
            "sent": items.sent,
            "running": items.running,
            "paused": items.paused and items.paused.json(),
        },
    )


def judge_dead(items: Items) -> Part:
    """Return what is to be said of the dead ones."""
    if items.dead:
        text = grouped(items.dead)
        remark = Remark(text=text, level=Level.WARN, cure=_dead_page())
    else:
        remark = Remark(text="none")
    return Part(name="dead letters", remarks=(remark,), facts={"dead": items.dead})


def _overdue(items: Items) -> Remark:
    if items.late_seconds is None:
        return Remark(text="0 overdue")
    late = span_text(items.late_seconds)
    which = "it is" if items.overdue == 1 else "the first of them"
    text = f"{grouped(items.overdue)} overdue ({which} {late} late)"
    if items.paused is not None:
        return Remark(text=text)  # no runner could help it
    return Remark(text=text, level=Level.WARN, cure=RUN)


def _dead_page() -> str:
    page = _page("workflow_engine_workitem_changelist")
    return f"{page}?state__exact={ItemState.DEAD.value}" if page else ""


def _page(name: str) -> str:
    """Return the address of a page; "" in a project without the admin."""
    try:
        return reverse(f"admin:{name}")
    except (NoReverseMatch, ImproperlyConfigured, AttributeError):
        return ""  # AttributeError: there is no ROOT_URLCONF at all
