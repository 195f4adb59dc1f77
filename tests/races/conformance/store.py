"""Store: the real one, with a stop before each command that the model takes as one step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tests.races.conformance.stage import stop
from workflow_engine.caches.stores.base import (
    CellStore,
    Fill,
    Filled,
    Reply,
    Server,
    Taken,
)
from workflow_engine.exceptions import CacheUnavailable


class Network:
    """Whether the server can be reached: what is sent meanwhile gets there never."""

    is_up = True

    def pass_through(self) -> None:
        """Raise as the store does when nobody answers."""
        if not self.is_up:
            raise CacheUnavailable("connection", "the network is down")


class StoppingStore:
    """A store whose pipelines are sent command by command, in the same order."""

    def __init__(self, store: CellStore, network: Network) -> None:
        """Wrap a store."""
        self._store = store
        self._network = network

    def _stop(self, at: str) -> None:
        stop(at)
        self._network.pass_through()

    def read(self, names: Sequence[bytes], *, renewing: Sequence[bytes] = ()) -> Reply:
        if renewing:
            self._stop("renews")
            self._store.read([], renewing=renewing)
        self._stop("reads")
        return self._store.read(names)

    def take(
        self,
        names: Sequence[bytes],
        *,
        life_ms: int,
        dropping: Sequence[bytes] = (),
        renewing: Sequence[bytes] = (),
    ) -> Taken:
        taken = Taken(incarnation=b"", permits={}, renewed={}, is_full=False)
        if dropping:
            self._stop("drops")
            self._store.take([], life_ms=life_ms, dropping=dropping)
        if names:
            self._stop("takes")
            taken = self._store.take(names, life_ms=life_ms)
        if renewing:
            self._stop("renews")
            fresh = self._store.take([], life_ms=life_ms, renewing=renewing)
            taken = replace(taken, renewed=fresh.renewed, incarnation=fresh.incarnation)
        return taken

    def fill(self, fills: Sequence[Fill]) -> list[Filled]:
        self._stop("fills")
        return self._store.fill(fills)

    def unlink(self, names: Sequence[bytes], *, last: Sequence[bytes] = ()) -> None:
        if names:
            self._stop(
                _removes(names, otherwise="removes the cell" if last else "drops")
            )
            self._store.unlink(names)
        if last:
            self._stop(_removes(last, otherwise="removes the cell"))
            self._store.unlink([], last=last)

    def scan(self, prefix: bytes) -> Iterator[list[bytes]]:
        """Yield one name at a time, generations first: the order of a scan is no promise."""
        self._stop("scans")
        for found in self._store.scan(prefix):
            for name in sorted(found, key=_is_generation, reverse=True):
                yield [name]

    def life_left_ms(self, name: bytes) -> int | None:
        return self._store.life_left_ms(name)

    def ask_server(self) -> Server:
        self._network.pass_through()
        return self._store.ask_server()

    def refresh(self) -> None:
        self._store.refresh()

    def close(self) -> None:
        self._store.close()


def _is_generation(name: bytes) -> bool:
    return name.endswith(b":g")


def _removes(names: Sequence[bytes], *, otherwise: str) -> str:
    return "removes the generation" if all(map(_is_generation, names)) else otherwise
