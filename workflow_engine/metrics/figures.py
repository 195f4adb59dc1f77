"""Figures: what a process counted, added to the tables that all processes share.

Written every METRICS_FLUSH_SECONDS by a timer that the first count starts, and when the
process ends; in short statements of their own, never inside a caller's transaction.
"""

from __future__ import annotations

import atexit
import logging
from datetime import datetime, timedelta

from workflow_engine import clock
from workflow_engine.conf import options
from workflow_engine.late import LateTimer
from workflow_engine.metrics.counts import counts
from workflow_engine.models.metric import MetricBucket, MetricBucketQuerySet, Size

logger = logging.getLogger(__name__)


def flush() -> int:
    """Write what was counted and return how many figures that were.

    With the database away they are kept for the next time: their number has a bound, since
    none of their words comes from outside.
    """
    taken = counts.take()
    if not taken:
        return 0
    try:
        MetricBucket.objects.using(options.DATABASE).add(taken, clock.now())
    except Exception:
        counts.put_back(taken)
        logger.exception(
            "Figures could not be written and are kept.",
            extra={"action": "flush_figures", "figures": len(taken)},
        )
        return 0
    return len(taken)


def expired(using: str, now: datetime) -> MetricBucketQuerySet:
    """Return the figures that METRICS_RETAIN_HOURS no longer keeps."""
    kept = options.METRICS_RETAIN_HOURS
    sizes = (Size.MINUTE, Size.HOUR, Size.DAY)
    moments = {size: now - timedelta(hours=kept[size.value]) for size in sizes}
    return MetricBucket.objects.using(using).older_than(moments)


_timer = LateTimer(flush, lambda: float(options.METRICS_FLUSH_SECONDS))


def discard() -> None:
    """Forget what was counted; for a process that must not write any more."""
    _timer.disarm()
    counts.take()


def connect() -> None:
    """Write what this process counts from now on."""
    counts.on_first = _timer.arm
    atexit.register(flush)
