"""Buffer: sampled decisions waiting in memory to be written off the path of their events.

Bounded; what does not fit is dropped and counted, and the log says how much. Written every METRICS_FLUSH_SECONDS by a
timer of its own, and when the process ends. One per process; empty in a forked child.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Sequence

from workflow_engine.conf import options
from workflow_engine.late import LateTimer
from workflow_engine.metrics.counts import counts
from workflow_engine.processing.decisions import write_old_decisions
from workflow_engine.types.trace import Trace

logger = logging.getLogger(__name__)


class DecisionBuffer:
    """Holds at most TRACE_BUFFER decisions."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._lock = threading.Lock()
        self._traces: list[Trace] = []  # guarded by _lock
        self.dropped = 0  # guarded by _lock
        self._timer = LateTimer(
            self.flush, lambda: float(options.METRICS_FLUSH_SECONDS)
        )
        os.register_at_fork(after_in_child=self._leave_parent)

    def add(self, traces: Sequence[Trace]) -> None:
        """Keep decisions for later; no query, no wait for another thread's query."""
        if not traces:
            return
        with self._lock:
            free = max(0, options.TRACE_BUFFER - len(self._traces))
            self._traces += traces[:free]
            dropped = len(traces) - len(traces[:free])
            self.dropped += dropped
            waits = bool(self._traces)
        counts.add("", "decision", "dropped", dropped)
        if waits:
            self._timer.arm()

    def flush(self) -> int:
        """Write what waits and return how many; an error of the database drops and logs them."""
        traces, dropped = self._take()
        if dropped:
            logger.warning(
                "Sampled decisions were dropped: there was no room for them.",
                extra={"action": "drop_decisions", "decisions": dropped},
            )
        try:
            write_old_decisions(traces, using=options.DATABASE)
        except Exception:
            logger.exception(
                "Sampled decisions could not be written.",
                extra={"action": "flush_decisions", "decisions": len(traces)},
            )
            counts.add("", "decision", "error", len(traces))
            return 0
        return len(traces)

    def discard(self) -> None:
        """Forget what waits; for a process that must not write any more."""
        self._take()

    def _take(self) -> tuple[list[Trace], int]:
        """Return what waits and how many were dropped, and begin anew."""
        self._timer.disarm()
        with self._lock:
            traces, self._traces = self._traces, []
            dropped, self.dropped = self.dropped, 0
        return traces, dropped

    def _leave_parent(self) -> None:
        """In a forked child, hold nothing: the parent writes what it holds itself.

        Its lock may be held by a thread that was not forked.
        """
        self._lock = threading.Lock()
        self._traces = []
        self.dropped = 0


buffer = DecisionBuffer()
atexit.register(buffer.flush)
