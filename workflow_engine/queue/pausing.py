"""Pausing: items are accepted, and none is claimed or begun until the pause ends.

What holds is written in the statements that claim and begin, so that it holds for every
runner and worker from the commit of the pause on, whatever they have in memory.
"""

from __future__ import annotations

import logging
from datetime import datetime

from workflow_engine.conf import options
from workflow_engine.exceptions import InvalidPause
from workflow_engine.models import Pause
from workflow_engine.models.pause import BY_CHARACTERS, ONLY, WHY_CHARACTERS

logger = logging.getLogger(__name__)


def pause(
    *, now: datetime, until: datetime | None = None, by: str = "", why: str = ""
) -> Pause:
    """Begin a pause, in place of the one there may be, and return it.

    `until` None: it lasts until `resume`. What runs already ends as usual. In the caller's
    transaction, if there is one.

    Raises:
        InvalidPause: It would have ended before it began, or says too much.
    """
    if until is not None and until.tzinfo is None:
        raise InvalidPause("until must be aware: give it a time zone")
    if until is not None and until <= now:
        raise InvalidPause(f"until is {until.isoformat()}, which is past")
    if len(why) > WHY_CHARACTERS:
        message = f"why has {len(why)} characters; {WHY_CHARACTERS} are allowed"
        raise InvalidPause(message)
    begun, _ = Pause.objects.using(options.DATABASE).update_or_create(
        pk=ONLY,
        defaults={
            "since": now,
            "until": until,
            "by": by[:BY_CHARACTERS],
            "why": why,
        },
    )
    logger.warning(
        "Items are paused: none is claimed or begun.",
        extra={
            "action": "pause",
            "by": by,
            "why": why,
            "until": until and until.isoformat(),
        },
    )
    return begun


def resume(*, now: datetime, by: str = "") -> bool:
    """End the pause and say whether there was one that lasted."""
    ended = current(now)
    Pause.objects.using(options.DATABASE).filter(pk=ONLY).delete()
    if ended is None:
        return False
    logger.warning("The pause of items is over.", extra={"action": "resume", "by": by})
    return True


def current(now: datetime) -> Pause | None:
    """Return the pause that lasts at a moment, or None; one query."""
    return Pause.objects.using(options.DATABASE).current(now)
