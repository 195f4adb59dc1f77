"""Deliveries: what one attempt asked of the outside and got back, as it is kept."""

from __future__ import annotations

from datetime import datetime

from workflow_engine.actions import Attempt
from workflow_engine.conf import options
from workflow_engine.models import Delivery, Firing
from workflow_engine.processing.redact import redact, shorten
from workflow_engine.queue import failure_of
from workflow_engine.types.event import JSON


def keep_delivery(
    firing: Firing, number: int, attempt: Attempt, started: datetime, using: str
) -> None:
    """Write what one attempt asked and got back, redacted and cut."""
    delivery, error = attempt.delivery, attempt.error
    failure = None if error is None else failure_of(error)
    keep = options.WEBHOOK["keep_bytes"]
    response = {**delivery.response}
    if delivery.notes:
        response["notes"] = list(delivery.notes)
    Delivery.objects.using(using).create(
        firing=firing,
        attempt=number,
        started_at=started,
        duration_ms=int(attempt.duration_seconds * 1000),
        endpoint=delivery.endpoint[:500],
        status=delivery.status,
        ok=error is None,
        error_class="" if failure is None else failure.error_class,
        error="" if failure is None else failure.error,
        request=_cut(redact(delivery.request), keep),
        response=_cut(redact(response), keep),
    )


def _cut(value: dict[str, JSON], keep_bytes: int) -> dict[str, JSON]:
    return {key: shorten(item, keep_bytes) for key, item in value.items()}
