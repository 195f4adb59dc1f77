"""Items: the work that is coming, late or running, and the letters that stay dead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from workflow_engine.conf import options
from workflow_engine.models import ItemState
from workflow_engine.queue import Count, standing
from workflow_engine.status import pausing
from workflow_engine.status.pages import page
from workflow_engine.status.part import Level, Part, Remark, grouped
from workflow_engine.status.pausing import Paused
from workflow_engine.types.event import JSON
from workflow_engine.types.spans import span_text

#: A runner takes up what is due, or was given up, within a poll and this much.
SLACK_SECONDS: Final = 5.0

RUN: Final = "python manage.py workflow_queue"
WORK: Final = "do workers run, and reach the broker?"


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
        resent: Of those, how many were handed over more than twice.
        running: Being carried out.
        dead: Given up for good.
        paused: The pause that lasts, if one does.
    """

    coming: Count
    next_in_seconds: float | None
    due: Count
    overdue: Count
    late_seconds: float | None
    sent: Count
    resent: Count
    running: Count
    dead: Count
    paused: Paused | None


def read(using: str, now: datetime) -> Items:
    """Return how many stand where at a moment; two queries, however many they are."""
    noticed = now - timedelta(seconds=SLACK_SECONDS + options.POLL_SECONDS)
    found = standing(using, now, noticed)
    next_at, since = found.next_at, found.overdue_since
    return Items(
        coming=found.coming,
        next_in_seconds=(next_at - now).total_seconds() if next_at else None,
        due=found.due,
        overdue=found.overdue,
        late_seconds=(now - since).total_seconds() if since else None,
        sent=found.sent,
        resent=found.resent,
        running=found.running,
        dead=found.dead,
        paused=pausing.read(using, now),
    )


def judge(items: Items) -> Part:
    """Return what is to be said of live items."""
    coming = Remark(text=f"{count_text(items.coming)} coming")
    remarks = [coming]
    if items.next_in_seconds is not None:
        remarks.append(Remark(text=f"next in {span_text(items.next_in_seconds)}"))
    remarks += [
        Remark(text=f"{count_text(items.due)} due"),
        _overdue(items),
        _sent(items),
        Remark(text=f"{count_text(items.running)} running"),
    ]
    if items.paused is not None:
        cure = page("workflow_engine_dashboard_changelist")
        remarks.append(Remark(text=items.paused.text, level=Level.WARN, cure=cure))
    return Part(
        name="items",
        remarks=tuple(remarks),
        facts={
            "coming": items.coming.number,
            "next_in_seconds": items.next_in_seconds,
            "due": items.due.number,
            "overdue": items.overdue.number,
            "late_seconds": items.late_seconds,
            "sent": items.sent.number,
            "resent": items.resent.number,
            "running": items.running.number,
            "at_least": _at_least(
                coming=items.coming,
                due=items.due,
                overdue=items.overdue,
                sent=items.sent,
                running=items.running,
            ),
            "paused": items.paused and items.paused.json(),
        },
    )


def judge_dead(items: Items) -> Part:
    """Return what is to be said of the dead ones."""
    if items.dead.number:
        text = count_text(items.dead)
        remark = Remark(text=text, level=Level.WARN, cure=_dead_page())
    else:
        remark = Remark(text="none")
    facts: dict[str, JSON] = {
        "dead": items.dead.number,
        "at_least": _at_least(dead=items.dead),
    }
    return Part(name="dead letters", remarks=(remark,), facts=facts)


def _at_least(**counts: Count) -> JSON:
    """Return the names of the counts that may be more than they say."""
    return [name for name, count in counts.items() if count.is_at_least]


def count_text(count: Count) -> str:
    """Return what people read."""
    return f"{grouped(count.number)}{'+' if count.is_at_least else ''}"


def _sent(items: Items) -> Remark:
    """Return what is to be said of what was sent.

    What nobody begins is sent again after HANDOFF_SECONDS, and then after twice as long: a
    third time says more than that the queue is long.
    """
    text = f"{count_text(items.sent)} sent"
    if not items.resent.number or items.paused is not None:
        return Remark(text=text)
    text += f", {count_text(items.resent)} of them three times or more: no worker takes them up"
    return Remark(text=text, level=Level.WARN, cure=WORK)


def _overdue(items: Items) -> Remark:
    if items.late_seconds is None:
        return Remark(text="0 overdue")
    late = span_text(items.late_seconds)
    which = "it is" if items.overdue.number == 1 else "the first of them"
    text = f"{count_text(items.overdue)} overdue ({which} {late} late)"
    if items.paused is not None:
        return Remark(text=text)  # no runner could help it
    return Remark(text=text, level=Level.WARN, cure=RUN)


def _dead_page() -> str:
    items = page("workflow_engine_workitem_changelist")
    return f"{items}?state__exact={ItemState.DEAD.value}" if items else ""
