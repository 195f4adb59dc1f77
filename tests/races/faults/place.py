"""Place: rules, a Redis of a test's own behind a proxy, and the processes that use it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import redis

from tests.races.faults.proxy import Proxy
from tests.races.processes import Answers, direct, everything, not_among, read, warm
from tests.receivers.conftest import write_rules
from tests.servers import Servers
from tests.waiting import wait_until
from workflow_engine.caches.coherence import current
from workflow_engine.caches.coherence.cells import CellCoherence
from workflow_engine.metrics.counts import counts
from workflow_engine.models import Detector, Workflow

LIMIT_SECONDS = 15


class Place:
    """What a test of faults has at hand.

    Attributes:
        asked: Every question about the rules.
    """

    def __init__(self, servers: Servers, proxy: Proxy, client: redis.Redis) -> None:
        self.servers = servers
        self.proxy = proxy
        self.client = client
        write_rules()
        ids = Detector.objects.values_list("pk", flat=True)
        self.asked = everything(ids, Workflow.objects.values_list("pk", flat=True))

    @property
    def here(self) -> CellCoherence:
        """The process whose writes are heard: this one."""
        side = current()
        assert isinstance(side, CellCoherence)
        return side

    def warm(self, *sides: CellCoherence) -> Answers:
        """Have each use near copies; return what all of them know."""
        warm([self.here, *sides], self.asked)
        counts.take()
        return direct(self.asked)

    def write(self) -> None:
        """Change answers to every question but one of links."""
        workflow = Workflow.objects.order_by("pk")[0]
        workflow.name = uuid.uuid4().hex
        workflow.save()
        detector = Detector.objects.order_by("pk")[0]
        detector.source = "/third" if detector.source == "/shop" else "/shop"
        detector.save()

    def stale(self, side: CellCoherence) -> dict[Any, Any]:
        """Return what a process is answered and the database does not say."""
        return not_among(read(side, self.asked), direct(self.asked))

    def wait_until_cached(self, side: CellCoherence) -> None:
        """Return when a process answers from the cache; no answer may be stale meanwhile."""

        def is_cached() -> bool:
            assert not self.stale(side)
            return side.gate.is_open

        wait_until(is_cached, "the cache is used again", limit_seconds=LIMIT_SECONDS)
        assert not self.stale(side)


class Gated:
    """A store that does something right before a call of one name, once."""

    def __init__(self, store: Any, name: str, do: Callable[[], None]) -> None:
        self._store = store
        self._name = name
        self._do: Callable[[], None] | None = do

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name != self._name:
            return method

        def call(*values: Any, **named: Any) -> Any:
            do, self._do = self._do, None
            if do is not None:
                do()
            return method(*values, **named)

        return call


@contextmanager
def before(side: CellCoherence, name: str, do: Callable[[], None]) -> Iterator[None]:
    """Have a process do something right before its next call of the store of this name."""
    store = side.store
    side.store = Gated(store, name, do)
    try:
        yield
    finally:
        side.store = store


def counted(*names: str) -> int:
    """Return how often something happened, by counter and reason, and begin anew."""
    figures = counts.take()
    return sum(one.count for one in figures if names == (one.counter, one.reason))
