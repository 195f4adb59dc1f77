"""Buffer: sampled decisions waiting in memory to be written off the path of their events.

Bounded; what does not fit is dropped, and the log says how much. Written every METRICS_FLUSH_SECONDS by a
timer of its own, and when the process ends. One per process; empty in a forked child.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Sequence

from django.db import connections

from workflow_engine.conf import options
from workflow_engine.processing.decisions import write_old_decisions
from workflow_engine.types.trace import Trace

logger = logging.getLogger(__name__)


class DecisionBuffer:
    """Holds at most TRACE_BUFFER decisions."""

    def __init__(self) -> None:
        """Hold nothing, for the present process."""
        self._lock = threading.Lock()
        self._traces: list[Trace] = []  # guarded by _lock
        self._timer: threading.Timer | None = None  # guarded by _lock
        self._pid = os.getpid()
        self.dropped = 0  # guarded by _lock

    def add(self, traces: Sequence[Trace]) -> None:
        """Keep decisions for later; no query, no wait for another thread's query."""
        if not traces:
            return
        self._leave_parent()
        with self._lock:
            free = max(0, options.TRACE_BUFFER - len(self._traces))
            self._traces += traces[:free]
            self.dropped += len(traces) - len(traces[:free])
            if self._timer is None and self._traces:
                self._timer = threading.Timer(
                    options.METRICS_FLUSH_SECONDS, self._flush_and_close
                )
                self._timer.daemon = True
                self._timer.start()

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
            return 0
        return len(traces)

    def _flush_and_close(self) -> None:
        self.flush()
        connections.close_all()  # the timer's thread ends, and its connections with it

    def discard(self) -> None:
        """Forget what waits; for a process that must not write any more."""
        self._take()

    def _take(self) -> tuple[list[Trace], int]:
        """Return what waits and how many were dropped, and begin anew."""
        self._leave_parent()
        with self._lock:
            traces, self._traces = self._traces, []
            dropped, self.dropped = self.dropped, 0
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
        return traces, dropped

    def _leave_parent(self) -> None:
        """In a forked child, begin anew: the parent writes what it holds itself.

        Its lock, perhaps held by a thread that was not forked, and its timer mean nothing
        here.
        """
        if self._pid != os.getpid():
            self.__init__()  # type: ignore[misc] # as at the start of a process


buffer = DecisionBuffer()
atexit.register(buffer.flush)
