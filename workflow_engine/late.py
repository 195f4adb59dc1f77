"""Late: work that is done once, some seconds after it was first asked for, off everybody's path.

One thread as long as anything is asked for, and none while nothing is. It treats its database
connections as a request does: CONN_MAX_AGE says whether the next time finds them open. One to
the database of a test run never stays, as it would be in the way of those who drop it. A
forked child asks anew.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from django.db import connections
from django.db.backends.base.creation import TEST_DATABASE_PREFIX

logger = logging.getLogger(__name__)


class LateTimer:
    """Does its work once after it was armed, in a thread of its own."""

    def __init__(
        self, work: Callable[[], object], seconds: Callable[[], float]
    ) -> None:
        """Do nothing yet; `seconds` is asked when it is armed."""
        self._work = work
        self._seconds = seconds
        self._begin()
        os.register_at_fork(after_in_child=self._begin)

    def _begin(self) -> None:
        """Be disarmed; in a forked child the parent's thread, and a lock it held, are not."""
        self._changed = threading.Condition(threading.Lock())
        self._wait_seconds: float | None = None  # None: disarmed; guarded by _changed
        self._times = 0  # it was armed or disarmed; guarded by _changed
        self._has_thread = False  # guarded by _changed
        self._is_refused = False  # the last thread; guarded by _changed

    def arm(self) -> bool:
        """Do the work after a while, unless that is to happen anyway; return whether it is.

        It may be armed by the work itself, for another time. Where the system has no room
        for a thread it stays disarmed, and logs so once until there is room again.
        """
        with self._changed:
            if self._wait_seconds is None:
                self._set(self._seconds())
                if not self._has_thread:
                    self._start()
            return self._wait_seconds is not None

    def disarm(self) -> None:
        """Do not do the work, unless it has begun."""
        with self._changed:
            self._set(None)

    def _set(self, seconds: float | None) -> None:
        self._wait_seconds = seconds
        self._times += 1
        self._changed.notify()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="workflow-late", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # also when the process is about to end
            self._wait_seconds = None
            if not self._is_refused:
                logger.warning("No thread for late work.", extra={"action": "late"})
            self._is_refused = True
        else:
            self._has_thread, self._is_refused = True, False

    def _run(self) -> None:
        try:
            while self._is_due():
                self._work()
                _close_connections()
        except BaseException:
            with self._changed:
                self._wait_seconds, self._has_thread = None, False
            raise
        finally:
            connections.close_all()  # the thread ends, and its connections with it

    def _is_due(self) -> bool:
        """Wait until the work is due; without any the thread is to end."""
        with self._changed:
            while self._wait_seconds is not None:
                seen = self._times
                if not self._changed.wait_for(
                    lambda: self._times != seen,  # noqa: B023 - called in this turn only
                    timeout=self._wait_seconds,
                ):
                    self._wait_seconds = None
                    return True
            self._has_thread = False
            return False


def _close_connections() -> None:
    for connection in connections.all(initialized_only=True):
        if _is_for_tests(connection.settings_dict):
            connection.close()
        else:
            connection.close_if_unusable_or_obsolete()


def _is_for_tests(settings: Mapping[str, Any]) -> bool:
    """Whether a database has a name that Django gives to those of a test run."""
    prefix = settings["TEST"]["NAME"] or TEST_DATABASE_PREFIX
    return str(settings["NAME"]).startswith(str(prefix))
