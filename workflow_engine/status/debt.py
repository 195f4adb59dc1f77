"""Debt: what the outbox still owes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Min

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.models import CacheOutbox
from workflow_engine.status.part import counted
from workflow_engine.types.event import JSON
from workflow_engine.types.spans import span_text

#: What several sweeps may take beside OUTBOX_SWEEP_SECONDS.
SLACK_SECONDS: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Debt:
    """What the outbox owes.

    Attributes:
        rows: How many.
        oldest_seconds: For how long the oldest has been owed; None without any.
    """

    rows: int
    oldest_seconds: float | None

    @property
    def is_old(self) -> bool:
        """Whether several sweeps have left a row where it is: nobody sweeps, or in vain."""
        patience = options.OUTBOX_SWEEP_SECONDS + SLACK_SECONDS
        return self.oldest_seconds is not None and self.oldest_seconds > patience

    def line(self) -> str:
        """Return what people read."""
        if self.oldest_seconds is None:
            return "outbox: empty"
        age = span_text(self.oldest_seconds)
        return f"outbox: {counted(self.rows, 'row')}, the oldest {age} old"

    def json(self) -> JSON:
        """Return it as a JSON value."""
        return {"rows": self.rows, "oldest_seconds": self.oldest_seconds}


def read_debt(using: str) -> Debt:
    """Return what the outbox owes now; one query."""
    owed = CacheOutbox.objects.using(using).aggregate(
        rows=Count("pk"), since=Min("created_at")
    )
    since = owed["since"]
    age = None if since is None else (clock.now() - since).total_seconds()
    oldest_seconds = None if age is None else max(0.0, age)
    return Debt(rows=owed["rows"], oldest_seconds=oldest_seconds)
