"""Circuit: an action that keeps failing is paused, probed, and in the end switched off."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeAlias

import msgspec
from django.db import transaction

from workflow_engine.conf import options
from workflow_engine.exceptions import EndpointGone
from workflow_engine.models import ActionHealth
from workflow_engine.queue import failure_of
from workflow_engine.signals import circuit_closed, circuit_opened

logger = logging.getLogger(__name__)

FAILURES_TO_OPEN: Final = 10  # in a row
FIRST_PAUSE: Final = timedelta(seconds=60)
LONGEST_PAUSE: Final = timedelta(hours=1)
DOUBLINGS: Final = 6  # of the first pause, until it is the longest
WARNINGS: Final = 2  # at a third and at two thirds of the way to being switched off

#: The fields of an action that is well; whether it is switched off is not among them.
_WELL: Final[dict[str, Any]] = {
    "failing_since": None,
    "failures": 0,
    "failed_probes": 0,
    "warnings": 0,
    "open_until": None,
    "last_error": "",
}


class Pause(msgspec.Struct, frozen=True, kw_only=True):
    """The circuit is open: not before `until`; None = not until a person turns it on."""

    until: datetime | None


class Admitted(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt may be made.

    Attributes:
        probe: None = the circuit is closed. Else this is the one attempt at the end of a
            pause, and everybody else waits until then for what comes of it.
    """

    probe: datetime | None = None


Admission: TypeAlias = Pause | Admitted


def admit(health: ActionHealth | None, now: datetime, using: str) -> Admission:
    """Say whether an attempt may be made, or the pause to wait out.

    At the end of a pause exactly one attempt, the probe, is let through: the guarded update
    moves the end of the pause on, for everybody else. A closed circuit costs no query.
    """
    if health is not None and health.off_at is not None:
        return Pause(until=None)
    if health is None or health.open_until is None:
        return Admitted()
    if now < health.open_until:
        return Pause(until=health.open_until)
    until = now + _pause(health.failed_probes)
    mine = (
        ActionHealth.objects.using(using)
        .filter(pk=health.pk, open_until=health.open_until, off_at=None)
        .update(open_until=until)
    )
    return Admitted(probe=until) if mine else Pause(until=until)


def _pause(failed_probes: int) -> timedelta:
    """Return the pause after so many failed probes in a row: doubling, up to an hour."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(failed_probes, DOUBLINGS)
    return min(doubled, LONGEST_PAUSE)


def note_success(health: ActionHealth | None, slug: str, using: str) -> None:
    """Close the circuit; no query for an action that had not been failing.

    To be called in a transaction. What is switched off stays so.
    """
    if health is None or not (health.failures or health.open_until):
        return
    rows = ActionHealth.objects.using(using).filter(pk=health.pk, off_at=None)
    before = rows.select_for_update().first()
    if before is None:
        return
    rows.update(**_WELL)
    if before.open_until is not None:
        _after_commit(using, partial(_tell_closed, slug))


def note_failure(
    action_id: int,
    slug: str,
    error: Exception,
    admitted: Admitted,
    now: datetime,
    using: str,
) -> None:
    """Count a failed attempt; open the circuit, warn, or switch the action off.

    To be called in a transaction.
    """
    rows = ActionHealth.objects.using(using)
    rows.get_or_create(action_id=action_id)
    health = rows.select_for_update().get(action_id=action_id)
    since = health.failing_since or now
    said = failure_of(error)
    health.failures += 1
    health.failing_since = since
    health.last_error = f"{said.error_class}: {said.error}"
    limit = longest_failing()
    if health.off_at is None:
        if isinstance(error, EndpointGone) or now - since >= limit:
            _switch_off(health, slug, now, using)
        else:
            _open(health, slug, admitted, now, using)
            _warn(health, slug, 3 * (now - since) // limit, using)
    health.save(using=using)


def longest_failing() -> timedelta:
    """Return for how long an action may fail before a failure switches it off."""
    return timedelta(hours=options.WEBHOOK["off_after_hours"])


def _open(
    health: ActionHealth, slug: str, admitted: Admitted, now: datetime, using: str
) -> None:
    """Open the circuit, or pause longer after a probe.

    Attempts that began before it opened may end at any time: they count as failures, and
    say nothing about how the endpoint is after a pause. Nor does a probe so slow that
    another was let through.
    """
    if health.open_until is None:
        if health.failures < FAILURES_TO_OPEN:
            return
        until = now + _pause(0)
        _after_commit(using, partial(_tell_opened, slug, until))
    elif admitted.probe == health.open_until:
        health.failed_probes += 1
        until = now + _pause(health.failed_probes)
    else:
        return
    health.open_until = until


def _warn(health: ActionHealth, slug: str, thirds: int, using: str) -> None:
    """Warn once at each third of the way to being switched off."""
    if thirds <= health.warnings:
        return
    health.warnings = min(thirds, WARNINGS)
    facts = {
        "action_slug": slug,
        "failing_since": str(health.failing_since),
        "thirds_of_limit": health.warnings,
        "last_error": health.last_error,
    }
    _after_commit(
        using,
        partial(
            logger.warning,
            "An action keeps failing; if that goes on, it is switched off.",
            extra={"action": "circuit_failing", **facts},
        ),
    )


def _switch_off(health: ActionHealth, slug: str, now: datetime, using: str) -> None:
    """Switch an action off until a person turns it on."""
    health.off_at = now
    _after_commit(using, partial(_tell_off, slug, health.last_error))


def turn_on(action_ids: Collection[int], using: str) -> list[int]:
    """Turn on the actions that were switched off, as if they had never failed.

    Return the ids of those, in order; the others stay as they are.
    """
    rows = ActionHealth.objects.using(using)
    off = rows.filter(action__in=action_ids, off_at__isnull=False)
    with transaction.atomic(using=using):
        locked = off.select_for_update().order_by("pk").values_list("action", flat=True)
        found = sorted(locked)
        turned = rows.filter(action__in=found)
        turned.update(off_at=None, **_WELL)
        for slug in turned.order_by("action").values_list("action__slug", flat=True):
            _after_commit(using, partial(_tell_closed, slug))
    return found


def _tell_opened(slug: str, until: datetime) -> None:
    logger.info(
        "An action is paused after failures in a row.",
        extra={"action": "circuit_open", "action_slug": slug, "until": str(until)},
    )
    circuit_opened.send_robust(sender=ActionHealth, action=slug, until=until)


def _tell_off(slug: str, error: str) -> None:
    logger.error(
        "An action is switched off until a person turns it on.",
        extra={"action": "circuit_off", "action_slug": slug, "last_error": error},
    )
    circuit_opened.send_robust(sender=ActionHealth, action=slug, until=None)


def _tell_closed(slug: str) -> None:
    logger.info(
        "An action is no longer paused or switched off.",
        extra={"action": "circuit_closed", "action_slug": slug},
    )
    circuit_closed.send_robust(sender=ActionHealth, action=slug)


def _after_commit(using: str, tell: Callable[[], None]) -> None:
    """Tell after the commit of what it speaks of; who listens cannot undo it."""
    transaction.on_commit(tell, using=using, robust=True)
