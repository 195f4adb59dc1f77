"""Store: the commands on cells, over lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from redis.exceptions import InvalidResponse, OutOfMemoryError, ResponseError

from workflow_engine.caches.cell import new_nonce, new_permit
from workflow_engine.caches.stores.base import Fill, Filled, Reply, Server, Taken
from workflow_engine.caches.stores.redis.errors import unavailable
from workflow_engine.caches.stores.redis.filling import fill_over, results_of
from workflow_engine.caches.stores.redis.identity import (
    SECTIONS,
    fields_of,
    identity_of,
)
from workflow_engine.caches.stores.redis.line import Line
from workflow_engine.caches.stores.redis.lines import Lines
from workflow_engine.caches.stores.redis.packing import Command
from workflow_engine.exceptions import CacheUnavailable

#: Names in one command: the server does nothing else meanwhile.
CHUNK: Final = 500

#: About a millisecond of the server's time for each step of a scan.
SCAN_COUNT: Final = b"1000"

#: What is worth a second UNLINK on a new connection.
REPEATED: Final = frozenset({"connection", "timeout"})


class RedisStore:
    """The cells on the first server of a CACHES entry of django-redis; threads share it.

    Safe over a fork: the child opens connections of its own.
    """

    def __init__(self, alias: str) -> None:
        """Read the alias's options; connects to nothing."""
        self._lines = Lines(alias)

    def read(self, names: Sequence[bytes], *, renewing: Sequence[bytes] = ()) -> Reply:
        work = partial(_read, names=names, renewing=renewing)
        incarnation, cells = self._lines.run(work)
        if isinstance(cells, ResponseError):
            raise unavailable(cells) from cells
        return Reply(incarnation, cells)

    def take(
        self,
        names: Sequence[bytes],
        *,
        life_ms: int,
        dropping: Sequence[bytes] = (),
        renewing: Sequence[bytes] = (),
    ) -> Taken:
        drops = _unlinks(dropping)
        life = b"%d" % life_ms
        nonces = {name: new_nonce() for name in renewing}

        def work(line: Line) -> tuple[bytes, dict[bytes, bytes], list[Any]]:
            permits = {name: new_permit(line.incarnation) for name in names}
            sets = [(b"SET", *cell, b"PX", life, b"NX") for cell in permits.items()]
            replies = line.ask_all([*drops, *sets, *_sets(nonces)])
            return line.incarnation, permits, replies

        incarnation, permits, replies = self._lines.run(work)
        _refuse(reply for reply in replies if not _is_full(reply))
        taken = replies[len(drops) : len(drops) + len(permits)]
        renewed = replies[len(drops) + len(permits) :]
        return Taken(
            incarnation=incarnation,
            permits=_done(permits, taken),
            renewed=_done(nonces, renewed),
            is_full=any(map(_is_full, taken)),
        )

    def fill(self, fills: Sequence[Fill]) -> list[Filled]:
        results: list[Filled] = []
        for start in range(0, len(fills), CHUNK):
            chunk = fills[start : start + CHUNK]
            reply = self._lines.run(partial(fill_over, fills=chunk))
            results += results_of(reply, len(chunk))
        if Filled.SERVER_CHANGED in results:
            self._lines.refresh()
        return results

    def unlink(self, names: Sequence[bytes], *, last: Sequence[bytes] = ()) -> None:
        commands = _unlinks([*names, *last])
        if not commands:
            return
        try:
            replies = self._lines.run(lambda line: line.ask_all(commands))
        except CacheUnavailable as error:
            if error.reason not in REPEATED:
                raise
            replies = self._lines.run(lambda line: line.ask_all(commands), on_new=True)
        _refuse(replies)

    def scan(self, prefix: bytes) -> Iterator[list[bytes]]:
        """Yield, in portions, every name under a prefix that was there throughout.

        A portion may be empty, and a name may come twice. No connection is held while the
        caller works.
        """
        pattern = _escaped(prefix) + b"*"
        cursor, began = b"0", b""
        while True:
            step = (b"SCAN", cursor, b"MATCH", pattern, b"COUNT", SCAN_COUNT)
            incarnation, reply = self._lines.run(partial(_ask, command=step))
            _refuse([reply])
            began = began or incarnation
            if incarnation != began:
                raise CacheUnavailable("connection", "Redis changed during a scan.")
            cursor, names = reply
            yield names
            if cursor == b"0":
                return

    def life_left_ms(self, name: bytes) -> int | None:
        reply = self._lines.run(lambda line: line.ask((b"PTTL", name)))
        _refuse([reply])
        return int(reply) if reply >= 0 else None

    def ask_server(self) -> Server:
        """Return what the server says of itself; a replica raises, as everywhere."""
        commands = [(b"INFO", section) for section in (*SECTIONS, b"memory")]
        replies = self._lines.run(lambda line: line.ask_all(commands))
        _refuse(replies)
        fields = fields_of(replies)
        identity = identity_of(fields)
        return Server(
            version=fields.get(b"redis_version", b"").decode(),
            role=identity.role,
            memory_policy=fields.get(b"maxmemory_policy", b"").decode(),
            incarnation=identity.incarnation,
        )

    def refresh(self) -> None:
        """Ask the server who it is before the next command, at most once a second.

        For a reader that met a value of another incarnation; a fill that meets one does it
        by itself.
        """
        self._lines.refresh()

    def close(self) -> None:
        self._lines.close()


def _chunks(names: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(names), CHUNK):
        yield names[start : start + CHUNK]


def _unlinks(names: Sequence[bytes]) -> list[Command]:
    return [(b"UNLINK", *chunk) for chunk in _chunks(names)]


def _read(
    line: Line, names: Sequence[bytes], renewing: Sequence[bytes]
) -> tuple[bytes, Any]:
    """Return who answered, and the cells or an error reply."""
    if 0 < len(names) <= CHUNK and not renewing:
        cells = line.ask((b"MGET", *names))
    else:
        cells = _read_more(line, names, _sets({name: new_nonce() for name in renewing}))
    if isinstance(cells, ResponseError) or len(cells) == len(names):
        return line.incarnation, cells
    raise InvalidResponse("MGET was answered for other names.")


def _read_more(line: Line, names: Sequence[bytes], sets: Sequence[Command]) -> Any:
    """Return cells, or an error reply, by as many commands as it takes, in one go."""
    reads = [(b"MGET", *chunk) for chunk in _chunks(names)]
    replies = line.ask_all([*sets, *reads])
    error = _first_error(reply for reply in replies if not _is_full(reply))
    return error or [cell for reply in replies[len(sets) :] for cell in reply]


def _ask(line: Line, command: Command) -> tuple[bytes, Any]:
    return line.incarnation, line.ask(command)


def _sets(nonces: Mapping[bytes, bytes]) -> list[Command]:
    return [(b"SET", *cell) for cell in nonces.items()]


def _done(cells: Mapping[bytes, bytes], replies: Iterable[Any]) -> dict[bytes, bytes]:
    """Return the cells that were set."""
    pairs = zip(cells.items(), replies, strict=True)
    return {name: cell for (name, cell), reply in pairs if reply == b"OK"}


def _is_full(reply: Any) -> bool:
    return isinstance(reply, OutOfMemoryError)


def _first_error(replies: Iterable[Any]) -> ResponseError | None:
    errors = (reply for reply in replies if isinstance(reply, ResponseError))
    return next(errors, None)


def _refuse(replies: Iterable[Any]) -> None:
    error = _first_error(replies)
    if error is not None:
        raise unavailable(error) from error


def _escaped(prefix: bytes) -> bytes:
    r"""Return a glob pattern that matches exactly a prefix: `*?[]\` mean themselves."""
    return re.sub(rb"([*?\[\]\\])", rb"\\\1", prefix)
