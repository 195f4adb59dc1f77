"""Gates: they stop whoever comes first at a named step, until the test lets him go."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from workflow_engine.caches.stores.base import CellStore

LIMIT_SECONDS = 10


class Gate:
    """Holds the first who calls it; everybody later passes."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._reached = threading.Event()
        self._opened = threading.Event()

    def __call__(self) -> None:
        if not self._reached.is_set():
            self._reached.set()
            assert self._opened.wait(LIMIT_SECONDS), f"held for ever: {self._what}"

    def wait_until_reached(self) -> None:
        assert self._reached.wait(LIMIT_SECONDS), f"nobody came to: {self._what}"

    def open(self) -> None:
        self._opened.set()


class WatchedStore:
    """A store that notes its calls, and runs what the test wants before or after one."""

    def __init__(self, store: CellStore) -> None:
        self._store = store
        self.calls: list[str] = []
        self.before: dict[str, Callable[[], object]] = {}
        self.after: dict[str, Callable[[], object]] = {}

    def taken_calls(self) -> list[str]:
        """Return what was called since this was last asked."""
        calls, self.calls = self.calls, []
        return calls

    def read(self, *args: Any, **kwargs: Any) -> Any:
        return self._call("read", *args, **kwargs)

    def take(self, *args: Any, **kwargs: Any) -> Any:
        return self._call("take", *args, **kwargs)

    def fill(self, *args: Any, **kwargs: Any) -> Any:
        return self._call("fill", *args, **kwargs)

    def unlink(self, *args: Any, **kwargs: Any) -> Any:
        return self._call("unlink", *args, **kwargs)

    def scan(self, prefix: bytes) -> Any:
        return self._call("scan", prefix)

    def life_left_ms(self, name: bytes) -> int | None:
        return self._store.life_left_ms(name)

    def ask_server(self) -> Any:
        return self._call("ask_server")

    def refresh(self) -> None:
        self._store.refresh()

    def close(self) -> None:
        self._store.close()

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        self.before.get(name, _nothing)()
        self.calls.append(name)
        result = getattr(self._store, name)(*args, **kwargs)
        self.after.get(name, _nothing)()
        return result


def _nothing() -> None:
    """Hold nobody up."""
