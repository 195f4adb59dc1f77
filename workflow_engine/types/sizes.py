"""Size: an amount of bytes as people read it."""

from __future__ import annotations

from typing import Final

_STEP: Final = 1000
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")

#: A number below it is shown with one decimal.
_FEW: Final = 10


def size_text(size_bytes: float) -> str:
    """Return "88 kB" for 88 123, and "1.2 MB" for 1 234 567."""
    value, place = float(size_bytes), 0
    while round(value) >= _STEP and place < len(_UNITS) - 1:
        value, place = value / _STEP, place + 1
    decimals = 1 if place and round(value, 1) < _FEW else 0
    return f"{value:.{decimals}f} {_UNITS[place]}"
