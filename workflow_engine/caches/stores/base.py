"""Store: commands on cells, each sent once; what a conversation with the server looks like.

No method joins or repeats commands that carry a nonce, and none decides anything: the
protocol that uses them is `coherence`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Filled(StrEnum):
    """What became of one value that was to replace a permit."""

    STORED = "stored"
    GONE = "gone"
    OTHER = "other"
    SERVER_CHANGED = "server_changed"
    OOM = "oom"


@dataclass(frozen=True, slots=True)
class Reply:
    """Cells as one connection saw them.

    Attributes:
        incarnation: Of the server behind that connection, 16 hex digits, looked at after
            the reply.
        cells: By place of the name asked for; None where there is none, or a key of
            another type.
    """

    incarnation: bytes
    cells: list[bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of asking for permits.

    Attributes:
        incarnation: Of the server that answered.
        permits: Those now held, by name of the cell.
        renewed: The generations that were set, with their nonces.
        is_full: The server had no memory for one of them.
    """

    incarnation: bytes
    permits: dict[bytes, bytes]
    renewed: dict[bytes, bytes]
    is_full: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One value to be stored in place of a permit.

    Attributes:
        name: Of the cell.
        permit: What must still be there, to the byte.
        value: What replaces it.
        life_ms: After which the server drops it.
    """

    name: bytes
    permit: bytes
    value: bytes
    life_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What a server says of itself.

    Attributes:
        version: Such as "7.4.1".
        role: "master" or "slave".
        memory_policy: What it drops when memory is full, such as "noeviction".
        incarnation: This reign of this process as primary, 16 hex digits.
    """

    version: str
    role: str
    memory_policy: str
    incarnation: bytes


class CellStore(Protocol):
    """The cells of one server. Every method raises CacheUnavailable when it does not answer."""

    def read(self, names: Sequence[bytes], *, renewing: Sequence[bytes] = ()) -> Reply:
        """Return cells, by one MGET; more than 500 names are split, on one connection.

        In the same round trip, before it: SET of a fresh nonce for each of `renewing`
        (generations). A server without memory refuses that, which is no error.
        """
        ...

    def take(
        self,
        names: Sequence[bytes],
        *,
        life_ms: int,
        dropping: Sequence[bytes] = (),
        renewing: Sequence[bytes] = (),
    ) -> Taken:
        """Take a permit for each of these cells that is free.

        One round trip, in this order: UNLINK of `dropping`; SET NX PX of a permit for each
        name; SET of a fresh nonce for each of `renewing` (generations). A server without
        memory refuses, which is no error.
        """
        ...

    def fill(self, fills: Sequence[Fill]) -> list[Filled]:
        """Store each value whose cell still holds exactly its permit; one script call per 500."""
        ...

    def unlink(self, names: Sequence[bytes], *, last: Sequence[bytes] = ()) -> None:
        """Remove cells, `last` (generations) with the last of them or after it.

        One pipeline, UNLINK per 500 names; tried once more on a new connection, since it
        carries no nonce. Returns when the server has acknowledged all of it.
        """
        ...

    def scan(self, prefix: bytes) -> Iterator[list[bytes]]:
        """Yield, in portions, every name under a prefix that was there throughout."""
        ...

    def life_left_ms(self, name: bytes) -> int | None:
        """Return how long a cell will stay, or None when it is not there or has no expiry."""
        ...

    def ask_server(self) -> Server:
        """Return what the server says of itself."""
        ...

    def refresh(self) -> None:
        """Ask the server who it is before the next command, at most once a second."""
        ...

    def close(self) -> None:
        """Close every idle connection; the next command opens new ones."""
        ...
