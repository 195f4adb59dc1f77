"""Line: one connection to one reign of one server, for as long as it lasts.

Who answers is asked once, right after connecting, and never changes: a line that has been
cut is thrown away, and the connection under it refuses to be made a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from redis import exceptions as redis_errors
from redis.exceptions import RedisError, ResponseError

from workflow_engine.caches.stores.redis.identity import (
    SECTIONS,
    fields_of,
    identity_of,
)
from workflow_engine.caches.stores.redis.packing import Command, pack, pack_all


class Connection(Protocol):
    """What is used of a connection of redis-py."""

    def connect(self) -> None: ...
    def on_connect(self) -> None: ...
    def disconnect(self) -> None: ...
    def can_read(self, timeout: float) -> bool: ...
    def send_packed_command(
        self,
        command: Sequence[bytes],
        check_health: bool,  # noqa: FBT001 - redis-py's
    ) -> None: ...
    def read_response(self) -> Any: ...


class Once:
    """What redis-py calls when a connection is made; refuses the second time.

    Its sending connects by itself when the line is cut, which would put another server
    under the identity of the first.
    """

    def __init__(self, configured: Callable[[Any], None] | None) -> None:
        """Keep what the project wants to be called instead of redis-py's own set-up."""
        self._configured = configured
        self._has_connected = False

    def __call__(self, connection: Connection) -> None:
        """Set the connection up."""
        if self._has_connected:
            raise redis_errors.ConnectionError("The connection was lost.")
        self._has_connected = True
        if self._configured is None:
            connection.on_connect()
        else:
            self._configured(connection)


class Line:
    """One connection; one thread at a time.

    Attributes:
        incarnation: Of the server behind it, 16 hex digits.
        era: Whatever its owner tells old lines from new ones by.
    """

    __slots__ = ("_connection", "_read", "_send", "era", "incarnation")

    def __init__(
        self,
        connection_class: Callable[..., Connection],
        arguments: Mapping[str, Any],
        era: object,
    ) -> None:
        """Connect and ask who answers.

        Raises:
            CacheUnavailable: The server is a replica, or does not say who it is.
            redis.RedisError, OSError: It does not answer.
        """
        self.era = era
        configured = arguments.get("redis_connect_func")
        self._connection: Final = connection_class(
            **{**arguments, "redis_connect_func": Once(configured)}
        )
        self._send: Final = self._connection.send_packed_command
        self._read: Final = self._connection.read_response
        try:
            self._connection.connect()
            replies = self.ask_all([(b"INFO", section) for section in SECTIONS])
            self.incarnation: Final = identity_of(fields_of(replies)).incarnation
        except BaseException:
            self.close()
            raise

    def ask(self, command: Command) -> Any:
        """Send one command, once, and return the reply; an error reply is a value.

        After any exception replies may be outstanding: the line must be closed.
        """
        self._send((pack(command),), False)  # noqa: FBT003 - by place: quicker
        try:
            return self._read()
        except ResponseError as error:
            return error

    def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        """Send commands in one go, once, and return every reply, as `ask` does."""
        self._send((pack_all(commands),), False)  # noqa: FBT003
        return [self._receive() for _ in commands]

    def is_quiet(self) -> bool:
        """Whether nothing has come that nobody asked for, least of all the line's end."""
        try:
            return not self._connection.can_read(0)
        except (RedisError, OSError):
            return False

    def close(self) -> None:
        """Hang up; in a forked child without a word to the server."""
        self._connection.disconnect()

    def _receive(self) -> Any:
        try:
            return self._read()
        except ResponseError as error:
            return error
