"""Pause banner: who let all items wait, why and until when; on every page about items."""

from __future__ import annotations

from dataclasses import dataclass

from workflow_engine.admin.moments import moment
from workflow_engine.status.pausing import Paused


@dataclass(frozen=True, kw_only=True)
class Banner:
    """What is said of a pause that lasts.

    Attributes:
        by: Who began it; "" = nobody said.
        why: As they put it; "" = they did not.
        since: Markup of when it began.
        until: Markup of when it ends; "" = when somebody ends it.
    """

    by: str
    why: str
    since: str
    until: str


def banner_of(paused: Paused | None) -> Banner | None:
    """Return what is said of a pause; None = nothing is paused."""
    if paused is None:
        return None
    return Banner(
        by=paused.by,
        why=paused.why,
        since=moment(paused.since),
        until=moment(paused.until) if paused.until else "",
    )
