"""Reason: each short code in one sentence for people."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from workflow_engine.admin.moments import EMPTY
from workflow_engine.types import Reason

SENTENCES: Final[dict[Reason, Any]] = {
    Reason.SENT: _("The action is carried out at once."),
    Reason.WAITING: _("The action waits for its delay."),
    Reason.PENDING: _("A slow condition has not answered yet."),
    Reason.SAME_ACTION: _("Another workflow carries out the same action already."),
    Reason.INTERVAL: _("The action has acted within the interval."),
    Reason.SNOOZED: _("The workflow is snoozed."),
    Reason.DUPLICATE_EVENT: _("The event has had its effects before."),
    Reason.CONDITION_ERROR: _("A condition could not be answered."),
    Reason.DETECTOR_ERROR: _("The detector failed."),
    Reason.WORKFLOW_ERROR: _("The workflow could not be judged."),
    Reason.HANDLER_MISSING: _("Nobody registered the kind that the row names."),
    Reason.EVENT_FAILED: _("The event could not be judged."),
    Reason.NO_DETECTOR: _("No detector watches this event."),
    Reason.DETECTOR_DISABLED: _("The detector is disabled."),
    Reason.TRIGGER: _("The event did not pass the trigger of the detector."),
    Reason.NO_VALUE: _("The event has no number at the path of the detector."),
    Reason.LATE_EVENT: _("The event is older than one the detector has seen."),
    Reason.GAP: _("The value lies between the lowest level and recovery."),
    Reason.COUNTING: _("Not enough samples in a row yet."),
    Reason.UNCHANGED: _("The priority stays what it is."),
    Reason.BELOW_RATE: _("Too few events in the period."),
    Reason.HEARD: _("An event came in time."),
    Reason.NO_LINK: _("No workflow is linked to the detector."),
    Reason.WORKFLOW_GONE: _("The workflow was deleted meanwhile."),
    Reason.WORKFLOW_DISABLED: _("The workflow is disabled."),
    Reason.ENVIRONMENT: _("The event is from another environment."),
    Reason.WHEN: _("The conditions of the when-group do not hold."),
    Reason.NO_IF_GROUP: _("The workflow has no if-group."),
    Reason.IF: _("The conditions of no if-group hold."),
    Reason.ACTION_DISABLED: _("The action is disabled."),
    Reason.NOT_TOLD: _(
        "Nobody was told of the beginning, so nobody is told of the end."
    ),
    Reason.CIRCUIT_OPEN: _("The action is paused after failures in a row."),
    Reason.AWAITING_TRIGGER: _("The message of the beginning is still on its way."),
    Reason.PERMANENT: _("The endpoint refused it for good."),
    Reason.ATTEMPTS_USED: _("Every attempt failed."),
    Reason.ENDPOINT_OFF: _("The action was switched off after failures."),
    Reason.RESOLVED: _("The episode was resolved before."),
    Reason.ACKNOWLEDGED: _("Somebody acknowledged it before."),
    Reason.DISABLED: _("The workflow, detector or action was disabled meanwhile."),
    Reason.GONE: _("The workflow, detector or action was deleted meanwhile."),
    Reason.BY_HAND: _("It was cancelled by hand."),
}


def reason_text(code: str) -> str:
    """Return a code with its sentence; a code of another version stands alone."""
    try:
        sentence = SENTENCES[Reason(code)]
    except ValueError:
        return code or EMPTY
    return f"{code}: {sentence}"
