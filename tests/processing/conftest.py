"""A world for each test, its handlers registered while the test lasts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.handlers import Outbox, Script, registered
from tests.processing.world import World
from workflow_engine.processing.buffer import buffer


@pytest.fixture
def outbox() -> Outbox:
    """Return what the recording action writes to."""
    return Outbox()


@pytest.fixture
def script() -> Script:
    """Return what the slow condition goes by."""
    return Script()


@pytest.fixture(autouse=True)
def _handlers(outbox: Outbox, script: Script) -> Iterator[None]:
    with registered(outbox, script):
        yield
    buffer.discard()


@pytest.fixture
def world(db: None) -> World:
    """Return an empty world at ten o'clock."""
    return World()
