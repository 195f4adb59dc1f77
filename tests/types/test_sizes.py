"""Sizes as people read them."""

import pytest

from workflow_engine.types.sizes import size_text


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9960, "10 kB"),
        (88_123, "88 kB"),
        (999_600, "1.0 MB"),
        (1_234_567, "1.2 MB"),
        (5e15, "5000 TB"),
    ],
)
def test_size_text__in_the_unit_that_suits(size_bytes: float, shown: str) -> None:
    assert size_text(size_bytes) == shown
