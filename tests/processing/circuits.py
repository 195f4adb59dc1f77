"""What the circuit of an action tells: by signal and by log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from workflow_engine.signals import circuit_closed, circuit_opened

LOGGER = "workflow_engine.processing.circuit"


@contextmanager
def heard() -> Iterator[list[tuple[str, str, datetime | None]]]:
    """Return what the signals say while the block lasts: which, of whom, and until when."""
    said: list[tuple[str, str, datetime | None]] = []

    def opened(sender: Any, *, action: str, until: datetime | None, **_: Any) -> None:
        said.append(("opened", action, until))

    def closed(sender: Any, *, action: str, **_: Any) -> None:
        said.append(("closed", action, None))

    circuit_opened.connect(opened)
    circuit_closed.connect(closed)
    try:
        yield said
    finally:
        circuit_opened.disconnect(opened)
        circuit_closed.disconnect(closed)
