from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.queue import delay_seconds


@pytest.mark.parametrize(
    ("attempt", "shortest", "longest"),
    [(1, 8, 10), (2, 24, 30), (3, 72, 90), (4, 216, 270), (8, 17_280, 21_600)],
)
def test_delay__default_settings(attempt: int, shortest: int, longest: int) -> None:
    without, with_jitter = (
        delay_seconds(attempt, lambda: 0.0),
        delay_seconds(attempt, lambda: 1.0),
    )

    assert without == pytest.approx(longest)
    assert with_jitter == pytest.approx(shortest)


@given(attempt=st.integers(1, 2_147_483_647), share=st.floats(0, 1))
def test_delay__any_attempt(attempt: int, share: float) -> None:
    delay = delay_seconds(attempt, lambda: share)

    assert 1 <= delay <= 21_600


def test_delay__shorter_than_a_second(settings: Any) -> None:
    settings.WORKFLOW_ENGINE = {"BACKOFF": {"base_seconds": 0.01}}

    delay = delay_seconds(1, lambda: 1.0)

    assert delay == 1.0
