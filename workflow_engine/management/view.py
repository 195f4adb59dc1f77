"""View: what there is to tell of a decision, the same for a kept one and one made now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from workflow_engine.conf import options
from workflow_engine.models import Decision, Firing
from workflow_engine.processing.decisions import bounded, kept_event
from workflow_engine.types.event import JSON
from workflow_engine.types.instants import instant_text
from workflow_engine.types.reasons import Reason
from workflow_engine.types.trace import Trace, to_detail

#: Fates whose firing is the event's own; what is held names the firing that holds it.
_ACTS: Final = frozenset({Reason.SENT, Reason.WAITING, Reason.SAME_ACTION})
#: The state of a firing that history no longer holds.
NOT_KEPT: Final = "not kept any more"


@dataclass(frozen=True, kw_only=True)
class View:
    """What there is to tell of one decision, as plain JSON data.

    Each action of a kept decision that has a firing says under `now` what became of it.
    """

    event: dict[str, JSON]
    decided_at: datetime
    outcome: str
    reason: str
    detectors: list[dict[str, Any]]
    workflows: list[dict[str, Any]]


def view_of_trace(trace: Trace) -> View:
    """Return the view of a decision just made, redacted like a kept one."""
    return View(
        event=kept_event(trace.event),
        decided_at=trace.decided_at,
        outcome=trace.result.value,
        reason=trace.reason.value,
        detectors=[bounded(to_detail(line)) for line in trace.detectors],
        workflows=[bounded(to_detail(line)) for line in trace.workflows],
    )


def view_of_decision(decision: Decision) -> View:
    """Return the view of a kept decision, with its firings as they stand now."""
    workflows = [line.detail for line in decision.workflows.order_by("pk")]
    fates = [fate for line in workflows for fate in line.get("actions", ())]
    fired = [f for f in fates if f.get("firing") and f["reason"] in _ACTS]
    firings = _as_they_stand([fate["firing"] for fate in fired])
    for fate in fired:
        gone = {"state": NOT_KEPT, "reason": "", "finished_at": None}
        fate["now"] = firings.get(fate["firing"], gone)
    return View(
        event=decision.event,
        decided_at=decision.decided_at,
        outcome=decision.outcome,
        reason=decision.reason,
        detectors=list(decision.detail.get("detectors", ())),
        workflows=workflows,
    )


def _as_they_stand(uuids: list[str]) -> dict[str, dict[str, JSON]]:
    """Return state, reason and end of firings by uuid; one query, none for no uuids."""
    if not uuids:
        return {}
    rows = Firing.objects.using(options.DATABASE).filter(uuid__in=uuids)
    return {
        str(row.uuid): {
            "state": row.state,
            "reason": row.reason,
            "finished_at": row.finished_at and instant_text(row.finished_at),
        }
        for row in rows
    }
