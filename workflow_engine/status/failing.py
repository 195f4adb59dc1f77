"""Failing: which actions keep failing, and when they are switched off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from django.db.models import F, Q

from workflow_engine.models import ActionHealth
from workflow_engine.processing.circuit import longest_failing
from workflow_engine.status.pages import page_of
from workflow_engine.status.part import Level, Part, Remark, Row
from workflow_engine.types.instants import instant_text
from workflow_engine.types.spans import span_text

NAME: Final = "actions"

#: So many are named; who has more knows enough.
NAMED: Final = 5

_DAY: Final = timedelta(days=1)
_OLDEST: Final = F("failing_since").asc(nulls_last=True)


def read(using: str) -> list[ActionHealth]:
    """Return the enabled actions that fail or were switched off; one query.

    Those that have failed for the longest time first, and one more than are named.
    """
    ill = Q(failing_since__isnull=False) | Q(off_at__isnull=False)
    rows = ActionHealth.objects.using(using).filter(ill, action__enabled=True)
    found = rows.select_related("action").order_by(_OLDEST, "pk")
    return list(found[: NAMED + 1])


def judge(found: list[ActionHealth], now: datetime) -> Part:
    """Return what is to be said of them at a moment."""
    named = found[:NAMED]
    remarks = [_remark(health, now) for health in named]
    if len(found) > NAMED:
        remarks.append(Remark(text="and more fail", level=Level.WARN))
    return Part(
        name=NAME,
        remarks=tuple(remarks) or (Remark(text="none fails"),),
        facts={
            "failing": [
                {
                    "action": health.action.slug,
                    "failing_since": _json(health.failing_since),
                    "paused_until": _json(health.open_until),
                    "off_at": _json(health.off_at),
                }
                for health in named
            ],
            "are_more": len(found) > NAMED,
        },
    )


def _remark(health: ActionHealth, now: datetime) -> Remark:
    row = Row(model="action", pk=health.action_id)
    text = f'"{health.action.slug}" {_said(health, now)}'
    return Remark(text=text, level=Level.WARN, cure=page_of(row), row=row)


def _said(health: ActionHealth, now: datetime) -> str:
    if health.off_at is not None:
        return f"is switched off since {_at(health.off_at, now)}"
    since = health.failing_since or now
    left = (since + longest_failing() - now).total_seconds()
    then = f"in {span_text(left)}" if left > 0 else "if it fails again"
    return f"fails since {_at(since, now)}, off {then}"


def _at(at: datetime, now: datetime) -> str:
    """Return a moment: its time of day, and the day unless it was within the last one."""
    day = "" if now - at < _DAY else f"{at.astimezone(UTC):%Y-%m-%d} "
    return f"{day}{at.astimezone(UTC):%H:%M} UTC"


def _json(at: datetime | None) -> str | None:
    return None if at is None else instant_text(at)
