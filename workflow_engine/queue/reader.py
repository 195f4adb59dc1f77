"""Reader: where the dispatcher learns what is due; this one asks the store each time."""

from __future__ import annotations

from datetime import datetime

from workflow_engine.queue import store
from workflow_engine.queue.store import Claimed, Coming


class StoreReader:
    """Remembers nothing: each look is a query."""

    def coming(self) -> Coming:
        """Return when the next item is due and when the next lease ends."""
        return store.coming()

    def take(self, *, now: datetime, limit: int) -> list[Claimed]:
        """Claim due items; fewer than `limit` means that no more were free."""
        return store.claim(now=now, limit=limit)
