"""Buckets: how many events came in a period, as a small memory that a state can carry."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Self

import msgspec

from workflow_engine.types.buckets import begin_of, bucket_of, length_of, step_of
from workflow_engine.types.event import JSON


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
        step = step_of(period)
        buckets = cls(step_seconds=step, length=length_of(period))
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
        return begin_of(bucket + self.length, self.step_seconds)

    def _bucket_of(self, time: datetime) -> int:
        return bucket_of(time, self.step_seconds)

    def _keeping(self, counts: Counter[int]) -> Self:
        oldest = max(counts, default=0) - self.length + 1
        kept = {bucket: count for bucket, count in counts.items() if bucket >= oldest}
        return msgspec.structs.replace(self, counts=kept)
