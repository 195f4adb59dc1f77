"""Lines: the idle connections of one process to one server."""

from __future__ import annotations

import inspect
import os
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

from django_redis import get_redis_connection
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.exceptions import RedisError
from redis.retry import Retry

from workflow_engine import clock
from workflow_engine.caches.stores.redis.errors import unavailable
from workflow_engine.caches.stores.redis.line import Line

T = TypeVar("T")

#: Idle connections kept: as many as a busy process has threads. More are opened when all
#: are in use, and closed after it.
MOST_IDLE: Final = 50

#: A replication id may change in peace; asking more often would not know it sooner.
REFRESH_SECONDS: Final = 1.0

#: Arguments that belong to redis-py's own pool, or would repeat, check or decode by
#: themselves.
DROPPED: Final = frozenset(
    {
        "cache",
        "cache_config",
        "command_packer",
        "decode_responses",
        "driver_info",
        "event_dispatcher",
        "health_check_interval",
        "himport_registry",
        "lib_name",
        "lib_version",
        "retry",
        "retry_on_error",
        "retry_on_timeout",
    }
)
DROPPED_PREFIXES: Final = ("maint_", "maintenance_", "orig_", "oss_")

#: Older versions of redis-py know the two names instead. None: nothing is told.
_KNOWN: Final = inspect.signature(AbstractConnection.__init__).parameters
UNNAMED: Final[dict[str, None]] = (
    {"driver_info": None}
    if "driver_info" in _KNOWN
    else {"lib_name": None, "lib_version": None}
)


def arguments_of(configured: dict[str, Any]) -> dict[str, Any]:
    """Return what a connection of ours is made with: the address, time-outs, secrets, TLS.

    RESP 2 unless the project chose: nothing here needs more, and it saves a command.
    """
    kept = {
        name: value
        for name, value in configured.items()
        if name not in DROPPED and not name.startswith(DROPPED_PREFIXES)
    }
    return {
        **kept,
        **UNNAMED,
        "protocol": kept.get("protocol") or 2,
        "retry": Retry(NoBackoff(), 0),
    }


class Lines:
    """Connections to the first server of an alias; threads share them.

    There is no lock: a deque gives and takes in one step, and an outdated line that slips
    in is told by its era when it is taken out.
    """

    def __init__(self, alias: str) -> None:
        """Read the alias's options; connects to nothing."""
        pool = get_redis_connection(alias, write=True).connection_pool
        self._connection_class = pool.connection_class
        self._arguments = arguments_of(pool.connection_kwargs)
        self._refreshed_at = float("-inf")
        self._start_over()

    def run(self, work: Callable[[Line], T], *, on_new: bool = False) -> T:
        """Return what `work` returns on a line that nobody else uses meanwhile.

        After any exception the line is closed: a reply may still be under way. `on_new`
        asks for a connection that has not been used yet.

        Raises:
            CacheUnavailable: The server did not answer, or must not be used.
        """
        try:
            line = self._open() if on_new else self._take()
        except (RedisError, OSError) as error:
            raise unavailable(error) from error
        try:
            answer = work(line)
        except BaseException as error:
            line.close()
            if isinstance(error, RedisError | OSError):
                raise unavailable(error) from error
            raise
        self._keep(line)
        return answer

    def refresh(self) -> None:
        """Ask the server who it is before the next command, at most once a second."""
        if clock.monotonic() - self._refreshed_at >= REFRESH_SECONDS:
            self._refreshed_at = clock.monotonic()
            self.close()

    def close(self) -> None:
        """Close idle lines now and the others after use; new ones are opened as needed."""
        idle = self._idle
        self._start_over()
        while idle:
            try:
                idle.pop().close()
            except IndexError:
                return

    def _start_over(self) -> None:
        # In this order: who sees the new process id sees no line of the old one.
        self._era = object()
        self._idle: deque[Line] = deque()
        self._pid = os.getpid()

    def _open(self) -> Line:
        return Line(self._connection_class, self._arguments, self._era)

    def _take(self) -> Line:
        if self._pid != os.getpid():
            self.close()
        idle = self._idle
        for _ in range(len(idle)):
            try:
                line = idle.pop()
            except IndexError:
                break
            if line.era is self._era and line.is_quiet():
                return line
            line.close()
        return self._open()

    def _keep(self, line: Line) -> None:
        if line.era is self._era and len(self._idle) < MOST_IDLE:
            self._idle.append(line)
        else:
            line.close()
