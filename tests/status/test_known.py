"""Known: whether nothing counted in a window means that there was nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workflow_engine.metrics.sources import Sources
from workflow_engine.metrics.windows import window_of
from workflow_engine.status.known import is_known

NOW = datetime(2026, 3, 2, 12, 0, 50, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minutes_ago", "living", "known"),
    [
        pytest.param(None, 0, False, id="no process ever wrote"),
        pytest.param(59.9, 0, False, id="all ended before the window"),
        pytest.param(30, 0, True, id="ended within it"),
        pytest.param(59.9, 1, True, id="one lives and had nothing to write since"),
    ],
)
def test_is_known(minutes_ago: float | None, living: int, known: bool) -> None:
    window = window_of("1h", NOW)
    assert window is not None
    flushed_at = None if minutes_ago is None else NOW - timedelta(minutes=minutes_ago)
    sources = Sources(
        flushed_at=flushed_at, living=living, silent=0, silent_since=None, given_up=0
    )

    found = is_known(sources, window)

    assert found is known
