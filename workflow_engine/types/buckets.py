"""Bucket: a slice of time that events are counted by, and how many make up a period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

MAX_PERIOD_SECONDS: Final = 604_800  # a week
_IN_A_PERIOD: Final = 60  # about so many; a period up to 60 s is exact to the second
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class BucketSpan(NamedTuple):
    """The buckets that make up a period, both ends included.

    Attributes:
        step: Seconds in a bucket.
        first: Number of the oldest bucket.
        last: Number of the bucket of the event itself.
    """

    step: int
    first: int
    last: int


def step_of(period: int) -> int:
    """Return the seconds in one bucket of a period of so many seconds."""
    return max(1, period // _IN_A_PERIOD)


def length_of(period: int) -> int:
    """Return the number of buckets that a period of so many seconds is counted by.

    They cover the whole period for one up to 60 s; for a longer one at most one step is
    short at the old end.
    """
    return -(-period // step_of(period))


def bucket_of(time: datetime, step: int) -> int:
    """Return the number of the bucket an aware moment falls into."""
    return (time - _EPOCH) // timedelta(seconds=step)


def begin_of(bucket: int, step: int) -> datetime:
    """Return the first moment of a bucket."""
    return _EPOCH + timedelta(seconds=bucket * step)


def buckets_of(period: int, time: datetime) -> BucketSpan:
    """Return the buckets counted for a period that ends at an aware moment."""
    step = step_of(period)
    last = bucket_of(time, step)
    return BucketSpan(step, last - length_of(period) + 1, last)
