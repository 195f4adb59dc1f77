"""Figures: what a process counted, added to the table that all processes share.

Written every METRICS_FLUSH_SECONDS by a timer that the first count starts, and when the
process ends; in a short transaction of its own.
"""

from __future__ import annotations

import atexit
import logging
from datetime import datetime, timedelta

from workflow_engine import clock
from workflow_engine.caches.metrics import counts
from workflow_engine.conf import options
from workflow_engine.late import LateTimer
from workflow_engine.models.cache_rows import MetricBucket, MetricBucketQuerySet

logger = logging.getLogger(__name__)


def flush() -> int:
    """Write what was counted and return how many figures that were.

    With the database away they are kept for the next time: their number has a bound, since
    none of their words comes from outside.
    """
    taken = counts.take()
    if not taken:
        return 0
    minute = clock.now().replace(second=0, microsecond=0)
    try:
        MetricBucket.objects.using(options.DATABASE).add(taken, minute)
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
    hours = options.METRICS_RETAIN_HOURS["minute"]
    return MetricBucket.objects.using(using).older_than(now - timedelta(hours=hours))


_timer = LateTimer(flush, lambda: float(options.METRICS_FLUSH_SECONDS))


def discard() -> None:
    """Forget what was counted; for a process that must not write any more."""
    _timer.disarm()
    counts.take()


def connect() -> None:
    """Write what this process counts from now on."""
    counts.on_first = _timer.arm
    atexit.register(flush)
