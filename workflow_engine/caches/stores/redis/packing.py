"""Packing: commands as the bytes that Redis reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

try:
    from hiredis import pack_command

    _in_c: Any = pack_command
except ImportError:
    _in_c = None

Command: TypeAlias = tuple[bytes, ...]


def pack_plainly(command: Command) -> bytes:
    """Return one packed command, where there is no hiredis."""
    parts = [b"*%d\r\n" % len(command)]
    parts += [b"$%d\r\n%b\r\n" % (len(part), part) for part in command]
    return b"".join(parts)


#: Return one packed command. That of hiredis is in C; redis-py's own way to it copies every
#: argument first, which is a fifth of what an MGET of 500 names costs.
pack: Final[Callable[[Command], bytes]] = _in_c or pack_plainly


def pack_all(commands: Iterable[Command]) -> bytes:
    """Return commands that are sent in one go."""
    return b"".join(map(pack, commands))
