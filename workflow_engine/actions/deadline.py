"""Deadline: a hard end to one exchange over the network, however slowly it goes on.

A time-out of a socket begins anew with every byte. Here the connection itself is shut at the
end, which wakes whoever waits in it: in a handshake, a header or a body.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Event, Timer
from types import TracebackType
from typing import Self

from workflow_engine import clock


class Deadline:
    """A moment after which no socket under guard moves any more; use it as a context.

    Attributes:
        seconds: From the beginning to the end.
    """

    def __init__(self, seconds: float) -> None:
        """Begin now."""
        self.seconds = seconds
        self._ends = clock.monotonic() + seconds
        self._has_cut = Event()
        self._guards: list[tuple[Timer, socket.socket]] = []

    @property
    def has_passed(self) -> bool:
        """Whether the end has come; what was read may be half an answer then."""
        return self._has_cut.is_set() or self.remaining_seconds() <= 0

    def remaining_seconds(self) -> float:
        """Return how long there is; 0 when it is over."""
        return max(self._ends - clock.monotonic(), 0)

    def guard(self, connection: socket.socket) -> None:
        """Shut the connection when the end comes, also once it has been wrapped for TLS."""
        # Wrapping moves the descriptor to another object; a second one stays with us.
        second = connection.dup()
        timer = Timer(self.remaining_seconds(), self._cut, (second,))
        timer.daemon = True
        self._guards.append((timer, second))
        timer.start()

    def _cut(self, connection: socket.socket) -> None:
        self._has_cut.set()
        with suppress(OSError):  # the other side was quicker
            connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for timer, second in self._guards:
            timer.cancel()
            timer.join()  # so that it does not shut a descriptor that is another's by then
            second.close()
