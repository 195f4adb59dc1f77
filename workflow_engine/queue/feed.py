"""Feed: hears what PostgreSQL announces on its channels; on other databases it only waits.

A wake-up and no more: what was announced is read from the tables by whoever was woken.
"""

from __future__ import annotations

import logging
import selectors
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from django.db import connections

from workflow_engine import clock

try:
    import psycopg
    from psycopg import sql
except ImportError:  # nothing is heard then, and waiting is all there is
    HAS_DRIVER = False
else:
    HAS_DRIVER = True

APPLICATION_NAME: Final = "workflow_engine feed"

#: So that a server that is gone without a word is missed within a minute.
_KEEPALIVE: Final[dict[str, Any]] = {
    "connect_timeout": 3,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
LEAST_BACKOFF_SECONDS: Final = 0.2
LONGEST_BACKOFF_SECONDS: Final = 30.0

_NOTHING: Final[frozenset[str]] = frozenset()

logger = logging.getLogger(__name__)


class Feed:
    """Listens through a connection of its own, made by the first wait.

    One thread waits and closes; any other may interrupt. A connection that is lost is
    made again: what was announced in between is not known, so that each new one counts as
    a word on every channel. Nothing is heard through a pooler that hands a connection on
    after each transaction.
    """

    def __init__(self, alias: str, channels: Sequence[str]) -> None:
        """Listen to the channels of the database of this alias, once it is waited for."""
        self.channels = frozenset(channels)
        self._alias = alias
        self._can_listen = HAS_DRIVER and connections[alias].vendor == "postgresql"
        self._listener: psycopg.Connection[Any] | None = None
        self._failures = 0
        self._retry_at = clock.monotonic()
        self._here, self._there = socket.socketpair()
        for end in (self._here, self._there):
            end.settimeout(0)

    @property
    def is_listening(self) -> bool:
        """Whether it has a connection, as far as is known."""
        return self._listener is not None

    def wait(self, seconds: float) -> frozenset[str]:
        """Return the channels that spoke, as soon as one did: all of them after a gap.

        None when the time ran out or somebody interrupted. Never raises for a database
        that is away.
        """
        until = clock.monotonic() + seconds
        while True:
            if self._is_due() and self._connect():
                return self.channels
            ready = self._select(self._next_moment(until))
            if self._here in ready:
                self._swallow()
                return _NOTHING
            listener = self._listener
            heard = self._hear(listener.pgconn) if ready and listener else _NOTHING
            if heard or clock.monotonic() >= until:
                return heard

    def interrupt(self) -> None:
        """End the wait, or else the next one, at once."""
        with suppress(OSError):  # full: it is interrupted already; closed: nobody waits
            self._there.send(b".")

    def close(self) -> None:
        """Give up the connection; no wait may follow."""
        self._hang_up()
        self._here.close()
        self._there.close()

    def _is_due(self) -> bool:
        return (
            self._can_listen
            and self._listener is None
            and clock.monotonic() >= self._retry_at
        )

    def _next_moment(self, until: float) -> float:
        if self._listener is not None or not self._can_listen:
            return until
        return min(until, self._retry_at)

    def _select(self, until: float) -> set[Any]:
        with selectors.DefaultSelector() as selector:
            selector.register(self._here, selectors.EVENT_READ)
            if self._listener is not None:
                selector.register(self._listener.fileno(), selectors.EVENT_READ)
            ready = selector.select(max(0.0, until - clock.monotonic()))
            return {key.fileobj for key, _ in ready}

    def _swallow(self) -> None:
        with suppress(BlockingIOError):
            while self._here.recv(1024):
                pass

    def _hear(self, line: Any) -> frozenset[str]:
        """Return the channels of everything that has arrived; none when the line is dead."""
        heard = set()
        try:
            line.consume_input()
            while (word := line.notifies()) is not None:
                heard.add(word.relname.decode())
        except psycopg.Error as error:
            self._hang_up()
            self._retry_at = clock.monotonic() + LEAST_BACKOFF_SECONDS
            logger.warning(
                "The connection that listens to the database was lost.",
                extra={"action": "feed", "error": str(error)},
            )
        return frozenset(heard)

    def _connect(self) -> bool:
        """Listen, and say whether that went well; if not, wait longer each time."""
        try:
            self._listener = self._listen()
        except (psycopg.Error, OSError) as error:
            backoff = LEAST_BACKOFF_SECONDS * 2 ** min(self._failures, 10)
            self._retry_at = clock.monotonic() + min(LONGEST_BACKOFF_SECONDS, backoff)
            if not self._failures:
                logger.warning(
                    "The database cannot be listened to; it is tried again.",
                    extra={"action": "feed", "error": str(error)},
                )
            self._failures += 1
            return False
        self._failures = 0
        return True

    def _listen(self) -> psycopg.Connection[Any]:
        params = connections[self._alias].get_connection_params()
        given = {**_KEEPALIVE, **params, "application_name": APPLICATION_NAME}
        listener = psycopg.connect(**given, autocommit=True)
        try:
            # Whoever only listens is idle, and no server should end it for that.
            listener.execute("SET idle_session_timeout = 0")
            for channel in sorted(self.channels):
                listener.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        except BaseException:
            listener.close()
            raise
        return listener

    def _hang_up(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
