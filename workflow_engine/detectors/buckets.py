"""Buckets: how many events came in a period, as a small memory that a state can carry."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Final, Self

import msgspec

from workflow_engine.types.event import JSON

MAX_PERIOD_SECONDS: Final = 604_800  # a week
_BUCKETS: Final = (
    60  # a period has about so many; one up to 60 s is exact to the second
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Buckets(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of events by the slice of time they fall into; none older than the period.

    Attributes:
        step_seconds: Length of a bucket.
        length: Buckets in the period.
        counts: By number of the bucket, from 1970 on.
    """

    step_seconds: int
    length: int
    counts: dict[int, int] = {}

    @classmethod
    def read(cls, period_seconds: float, memory: dict[str, JSON]) -> Self:
        """Return what `memory` holds; counts of another period are carried over.

        `memory` is one that `as_memory` went into, or any other for no events yet.
        """
        period = int(period_seconds)
        step = max(1, period // _BUCKETS)
        buckets = cls(step_seconds=step, length=-(-period // step))
        kept_step, newest = memory.get("step", step), memory.get("newest", 0)
        counts: Counter[int] = Counter()
        for age, count in enumerate(memory.get("counts", [])):
            counts[(newest - age) * kept_step // step] += count
        return buckets._keeping(+counts)  # without the empty ones

    def as_memory(self) -> dict[str, JSON]:
        """Return entries for the memory of a state: at most 120 numbers."""
        newest, oldest = max(self.counts), min(self.counts)
        counts = [
            self.counts.get(bucket, 0) for bucket in range(newest, oldest - 1, -1)
        ]
        return {"step": self.step_seconds, "newest": newest, "counts": counts}

    def counting(self, time: datetime) -> Self:
        """Return the buckets with one more event, in the bucket of its own time."""
        return self._keeping(Counter(self.counts) + Counter([self._bucket_of(time)]))

    @property
    def total(self) -> int:
        """The number of events in the period that ends with the newest of them."""
        return sum(self.counts.values())

    def total_at(self, moment: datetime) -> int:
        """Return the number of events in the period that ends at a moment, and after it."""
        oldest = self._bucket_of(moment) - self.length + 1
        return sum(count for bucket, count in self.counts.items() if bucket >= oldest)

    def falls_at(self, most: int) -> datetime | None:
        """Return when, if nothing more comes, the number falls to `most`; None if it has."""
        left = self.total
        if left <= most:
            return None
        for bucket in sorted(self.counts):
            left -= self.counts[bucket]
            if left <= most:
                break
        seconds = (bucket + self.length) * self.step_seconds
        return _EPOCH + timedelta(seconds=seconds)

    def _bucket_of(self, time: datetime) -> int:
        return (time - _EPOCH) // timedelta(seconds=self.step_seconds)

    def _keeping(self, counts: Counter[int]) -> Self:
        oldest = max(counts, default=0) - self.length + 1
        kept = {bucket: count for bucket, count in counts.items() if bucket >= oldest}
        return msgspec.structs.replace(self, counts=kept)
