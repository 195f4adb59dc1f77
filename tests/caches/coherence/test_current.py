"""Whether this process answers from Redis, told without asking anybody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.caches.processes import Cells
from workflow_engine.caches.coherence import current, reset, use_of_cache
from workflow_engine.caches.coherence.cells import CellCoherence
from workflow_engine.exceptions import CacheUnavailable

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _of_its_own() -> Iterator[None]:
    reset()
    yield
    reset()


@pytest.mark.redis
def test_use_of_cache__in_use_and_given_up(cells: Cells) -> None:
    told = [use_of_cache()]
    coherence = current()
    assert isinstance(coherence, CellCoherence)
    told.append(use_of_cache())

    assert coherence.gate.passes()
    told.append(use_of_cache())
    coherence.gate.fail(CacheUnavailable("readonly", "a replica", closes=True))
    told.append(use_of_cache())

    assert told == ["", "", "used", "given_up"]


def test_use_of_cache__without_redis(settings: Settings) -> None:
    settings.WORKFLOW_ENGINE = {"CACHE_ALIAS": None}
    current().server()

    assert use_of_cache() == ""
