"""Reigns: of which servers, and which of their lives as primary, this process has heard."""

from __future__ import annotations

import threading

from workflow_engine.metrics.counts import counts


class Reigns:
    """The reigns met since the process began; threads share it."""

    def __init__(self) -> None:
        """Have met none."""
        self._lock = threading.Lock()
        self._met: set[bytes] = set()  # guarded by _lock; asked without it

    def meet(self, incarnation: bytes) -> None:
        """Note under which reign a reply was given; another than before is counted, once."""
        if incarnation in self._met:
            return
        with self._lock:
            is_other = bool(self._met) and incarnation not in self._met
            self._met.add(incarnation)
        if is_other:
            counts.add("", "incarnation", "changed")
