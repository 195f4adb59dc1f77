"""Circuit: an action that keeps failing is paused, probed, and in the end switched off."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import msgspec
from django.db import transaction
from django.db.models import Q
from django.dispatch import Signal

from workflow_engine.conf import options
from workflow_engine.models import ActionHealth
from workflow_engine.signals import circuit_closed, circuit_opened

logger = logging.getLogger(__name__)

FAILURES_TO_OPEN: Final = 10  # in a row
FIRST_PAUSE: Final = timedelta(seconds=60)
LONGEST_PAUSE: Final = timedelta(hours=1)


class Pause(msgspec.Struct, frozen=True):
    """The circuit is open: not before `until`."""

    until: datetime


def admit(health: ActionHealth | None, now: datetime, using: str) -> Pause | None:
    """Return None when an attempt may be made, or the pause to wait out.

    At the end of a pause exactly one attempt, the probe, is let through: the guarded update
    moves the end of the pause on, for everybody else. A closed circuit costs no query.
    """
    if health is None or health.open_until is None:
        return None
    if now < health.open_until:
        return Pause(health.open_until)
    until = now + _pause(health.failures + 1)
    mine = (
        ActionHealth.objects.using(using)
        .filter(pk=health.pk, open_until=health.open_until)
        .update(open_until=until)
    )
    return None if mine else Pause(until)


def _pause(failures: int) -> timedelta:
    """Return the pause after so many failures in a row: doubling, up to an hour."""
    pause = FIRST_PAUSE
    for _ in range(FAILURES_TO_OPEN, failures):
        pause = min(pause * 2, LONGEST_PAUSE)
    return pause


def note_success(health: ActionHealth | None, slug: str, using: str) -> None:
    """Close the circuit; no query for an action that has not been failing."""
    if health is None or not (health.failures or health.open_until):
        return
    ActionHealth.objects.using(using).filter(pk=health.pk).update(
        failing_since=None, failures=0, open_until=None, last_error=""
    )
    if health.open_until is not None:
        _tell(circuit_closed, using, action=slug)


def note_failure(
    action_id: int, slug: str, error: str, now: datetime, using: str
) -> None:
    """Count a failed attempt; open the circuit, warn, or switch the action off."""
    rows = ActionHealth.objects.using(using)
    health, _ = rows.get_or_create(action_id=action_id)
    health = rows.select_for_update().get(pk=health.pk)
    health.failures += 1
    before = health.failing_since or now
    health.failing_since = before
    health.last_error = error
    opened = health.failures >= FAILURES_TO_OPEN
    if opened:
        health.open_until = now + _pause(health.failures)
    limit = timedelta(hours=options.WEBHOOK["off_after_hours"])
    if health.off_at is None and now - before >= limit:
        health.off_at = now
        logger.error(
            "An action is switched off after failing for too long.",
            extra={"action": "circuit_off", "action_slug": slug},
        )
    elif opened:
        logger.warning(
            "An action keeps failing and is paused.",
            extra={
                "action": "circuit_open",
                "action_slug": slug,
                "share_of_limit": round((now - before) / limit, 2),
            },
        )
    health.save(using=using)
    if health.failures == FAILURES_TO_OPEN:
        _tell(circuit_opened, using, action=slug, until=health.open_until)


def _tell(signal: Signal, using: str, **facts: object) -> None:
    """Send a signal after the commit of what it speaks of."""
    send = partial(signal.send_robust, sender=ActionHealth, **facts)
    transaction.on_commit(send, using=using, robust=True)


def switch_off(action_id: int, now: datetime, using: str) -> None:
    """Switch an action off until a person turns it on; the endpoint said it is gone."""
    health, _ = ActionHealth.objects.using(using).get_or_create(action_id=action_id)
    ActionHealth.objects.using(using).filter(
        Q(pk=health.pk) & Q(off_at__isnull=True)
    ).update(off_at=now)
