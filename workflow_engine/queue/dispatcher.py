"""Dispatcher: one pass over what is due: end lost runs, send again, claim and send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from workflow_engine.clock import Clock
from workflow_engine.conf import options
from workflow_engine.queue import store
from workflow_engine.queue.store import Claimed, Coming, Pair, Send


class Reader(Protocol):
    """What knows of the coming items."""

    def coming(self) -> Coming:
        """Return when the next item is due and when the next lease ends."""
        ...

    def take(self, *, now: datetime, limit: int) -> list[Claimed]:
        """Claim due items; fewer than `limit` means that no more were free."""
        ...


def _never() -> bool:
    return False


class Dispatcher:
    """Hands due items to `send`; remembers only what comes next."""

    def __init__(
        self,
        *,
        send: Send,
        clock: Clock,
        reader: Reader,
        is_stopping: Callable[[], bool] = _never,
    ) -> None:
        """Send by `send`; while `is_stopping`, what is claimed is given back unsent."""
        self._send = send
        self._clock = clock
        self._reader = reader
        self._is_stopping = is_stopping
        self._coming: Coming | None = None  # what the last pass left

    def run_once(self) -> int:
        """Do everything there is to do now and return how many items were sent.

        An idle pass costs one query. What `send` refuses is given back and the error is
        raised: the caller waits before the next pass. In a pause lost runs are ended, and
        nothing is sent.
        """
        now = self._clock.now()
        coming = self._reader.coming()
        sent = 0
        has_lapsed = coming.lease_ends_at is not None and coming.lease_ends_at < now
        is_due = coming.due_at is not None and coming.due_at <= now
        if has_lapsed:
            self._end_lost_runs(now)
        is_paused = coming.is_paused(now)
        if has_lapsed and not is_paused:
            sent += self._send_all(lambda limit: store.resend(now=now, limit=limit))
        if is_due and not is_paused:
            sent += self._send_all(
                lambda limit: self._reader.take(now=now, limit=limit)
            )
        self._coming = self._reader.coming() if has_lapsed or is_due else coming
        return sent

    def next_due(self) -> datetime | None:
        """Return when the next pass has something to do, as far as the last one saw.

        None = nothing is foreseen, as in a pause that somebody has to end. A moment that is
        past: somebody else holds the item.
        """
        coming = self._coming or self._reader.coming()
        moments = [coming.due_at, coming.lease_ends_at]
        first = min((moment for moment in moments if moment is not None), default=None)
        if first is None or not coming.is_paused(self._clock.now()):
            return first
        return None if coming.resumes_at is None else max(first, coming.resumes_at)

    def is_paused(self) -> bool:
        """Say whether a pause lasts, as far as the last pass saw."""
        return self._coming is not None and self._coming.is_paused(self._clock.now())

    def _end_lost_runs(self, now: datetime) -> None:
        limit = options.CLAIM_ITEMS
        while (
            not self._is_stopping() and len(store.lapse(now=now, limit=limit)) >= limit
        ):
            pass

    def _send_all(self, take: Callable[[int], list[Claimed]]) -> int:
        limit = options.CLAIM_ITEMS
        sent = 0
        while not self._is_stopping():
            taken = take(limit)
            if self._is_stopping():
                store.unsend([one.pair for one in taken])
                break
            self._hand_over(taken)
            sent += len(taken)
            if len(taken) < limit:
                break
        return sent

    def _hand_over(self, taken: Sequence[Claimed]) -> None:
        together = [one.pair for one in taken if not one.is_alone]
        parts = [together] if together else []
        parts += [[one.pair] for one in taken if one.is_alone]
        for n, part in enumerate(parts):
            try:
                self._send(part)
            except BaseException:
                store.unsend(_joined(parts[n:]))
                raise


def _joined(parts: Sequence[Sequence[Pair]]) -> list[Pair]:
    return [pair for part in parts for pair in part]
