"""Window: a span of time up to now, in slots; which rows tell of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from workflow_engine.conf import options
from workflow_engine.models.metric import EPOCH, Size

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)

#: Longer ones are read by the hour, which is as exact and many times less to read.
MOST_BY_MINUTE: Final = timedelta(hours=8)

#: Those that pages offer, by name, and how long a slot of theirs is.
OFFERED: Final = {
    "1h": (timedelta(hours=1), timedelta(minutes=1)),
    "8h": (timedelta(hours=8), timedelta(minutes=5)),
    "24h": (timedelta(hours=24), timedelta(hours=1)),
    "7d": (timedelta(days=7), timedelta(hours=1)),
}
USUAL: Final = "1h"


@dataclass(frozen=True, kw_only=True)
class Window:
    """A span of time; its last slot has begun, and is not over.

    Slots lie on the clock in UTC, so that a slot is the same whenever it is looked at.

    Attributes:
        name: As in an address, such as "8h".
        since: First moment.
        until: Moment it was asked for; rows of this moment belong to it.
        slot: How long a slot is; as long as the rows or several of them.
        size: Which rows tell of it.
    """

    name: str
    since: datetime
    until: datetime
    slot: timedelta
    size: Size

    def slots(self) -> Iterator[datetime]:
        """Yield the first moment of every slot."""
        at = self.since
        while at <= self.until:
            yield at
            at += self.slot


def window_of(name: str, now: datetime) -> Window | None:
    """Return the window of a name that is offered, or None; the present slot counts as one."""
    if name not in OFFERED:
        return None
    span, slot = OFFERED[name]
    return _window(name, span, slot, now)


def window_over(name: str, span: timedelta, now: datetime) -> Window:
    """Return a window over any length of time, in slots as long as its rows.

    Slots are whole: of a span that ends inside one, all of it is told.
    """
    return _window(name, span, timedelta(0), now)


def _window(name: str, span: timedelta, slot: timedelta, now: datetime) -> Window:
    size, length = _size_for(span)
    slot = max(slot, length)
    present = EPOCH + (now - EPOCH) // slot * slot
    number = max(1, -(-span // slot))  # rounded up
    since = present - (number - 1) * slot
    return Window(name=name, since=since, until=now, slot=slot, size=size)


def _size_for(span: timedelta) -> tuple[Size, timedelta]:
    """Return which rows tell of a span: the smallest that are kept, and not too many."""
    kept = options.METRICS_RETAIN_HOURS
    if span <= min(MOST_BY_MINUTE, kept["minute"] * HOUR):
        return Size.MINUTE, timedelta(minutes=1)
    if span <= kept["hour"] * HOUR:
        return Size.HOUR, HOUR
    return Size.DAY, DAY
