"""Late: work that is done once, some seconds after it was first asked for, off everybody's path.

One thread for each time; none while nothing is asked. A forked child asks anew.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from django.db import connections


class LateTimer:
    """Does its work once after it was armed, in a thread of its own."""

    def __init__(
        self, work: Callable[[], object], seconds: Callable[[], float]
    ) -> None:
        """Do nothing yet; `seconds` is asked when it is armed."""
        self._work = work
        self._seconds = seconds
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None  # guarded by _lock
        os.register_at_fork(after_in_child=self._leave_parent)

    def arm(self) -> None:
        """Do the work after a while, unless that is to happen anyway."""
        with self._lock:
            if self._timer is not None:
                return
            self._timer = threading.Timer(self._seconds(), self._run)
            self._timer.daemon = True
            self._timer.start()

    def disarm(self) -> None:
        """Do not do the work, unless it has begun."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _leave_parent(self) -> None:
        """In a forked child, be disarmed: the parent's timer, and a lock it held, are not here."""
        self._lock = threading.Lock()
        self._timer = None

    def _run(self) -> None:
        with self._lock:
            self._timer = None
        try:
            self._work()
        finally:
            connections.close_all()  # the thread ends, and its connections with it
