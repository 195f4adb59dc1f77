"""Pausing: whether items wait because somebody said so, who, why and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workflow_engine.models import Pause
from workflow_engine.types.event import JSON
from workflow_engine.types.spans import span_text


@dataclass(frozen=True, kw_only=True)
class Paused:
    """A pause that lasts.

    Attributes:
        since: When it began.
        until: When it ends by itself; None = when somebody ends it.
        by: Who began it; "" = nobody said.
        why: As they put it; "" = they did not.
        at: The moment this was asked at.
    """

    since: datetime
    until: datetime | None
    by: str
    why: str
    at: datetime

    @property
    def text(self) -> str:
        """What people read."""
        by = f" by {self.by}" if self.by else ""
        why = f" ({self.why})" if self.why else ""
        ago = span_text(max(0.0, (self.at - self.since).total_seconds()))
        return f"paused{by} {ago} ago{why}, {self._end}"

    @property
    def _end(self) -> str:
        if self.until is None:
            return "until somebody resumes"
        return f"for {span_text((self.until - self.at).total_seconds())} more"

    def json(self) -> JSON:
        """Return it as a JSON value."""
        return {
            "since": self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
            "by": self.by,
            "why": self.why,
        }


def read(using: str, now: datetime) -> Paused | None:
    """Return the pause that lasts at a moment, or None; one query."""
    pause = Pause.objects.using(using).current(now)
    if pause is None:
        return None
    return Paused(
        since=pause.since, until=pause.until, by=pause.by, why=pause.why, at=now
    )
