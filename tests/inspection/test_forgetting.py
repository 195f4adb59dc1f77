"""Forgetting by hand: complete among names of others, and counted by the same walk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django_redis import get_redis_connection
from pytest_django import Settings

from tests.inspection.cached import cached_workflow, keep_in_redis
from workflow_engine.caches.coherence import CellState, current
from workflow_engine.inspection.forgetting import forget_all
from workflow_engine.lookups.detectors import detectors
from workflow_engine.lookups.workflows import workflows

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]

NAMES = 3000


class Scans:
    """A store that says how often it was searched."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def scan(self, prefix: bytes) -> Iterator[list[bytes]]:
        self.count += 1
        yield from self._inner.scan(prefix)


@pytest.fixture
def names_of_others() -> Iterator[None]:
    client = get_redis_connection("default")
    names = [f"other-app:{number}" for number in range(NAMES)]
    client.mset(dict.fromkeys(names, "x"))
    yield
    client.unlink(*names)


@pytest.mark.usefixtures("names_of_others")
def test_forget_all__all_of_it_by_one_search_of_each_access(settings: Settings) -> None:
    keep_in_redis(settings)
    workflow = cached_workflow()
    workflows.get_many([workflow.pk + 1, workflow.pk + 2])
    coherence: Any = current()
    store = coherence.store = Scans(coherence.store)

    done = forget_all(coherence, [workflows, detectors])

    assert [(one.access, one.entries) for one in done] == [
        ("workflows", 3),
        ("detectors", 1),
    ]
    assert store.count == 2
    assert coherence.peek(workflows, workflow.pk).state is CellState.ABSENT
