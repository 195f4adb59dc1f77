"""Number: counts, shares and measured values as a page shows them; what is unknown is "-"."""

from __future__ import annotations

from typing import Final

from django.utils.formats import get_format
from django.utils.translation import gettext as _

from workflow_engine.admin.moments import EMPTY

#: Between each three digits; narrow, and no line breaks there.
GROUP: Final = "\u202f"

#: Between a number and its unit.
SPACE: Final = "\u00a0"

_SHORT: Final = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))

#: Nearer to nothing or to all than this, one decimal would say 0.0 or 100.0.
_LEAST: Final = 0.0005
_FEW: Final = 10
_SOME: Final = 100


def number(value: float | None) -> str:
    """Return a whole number, its digits in groups of three."""
    return EMPTY if value is None else _grouped(value, 0)


def share(value: float | None) -> str:
    """Return a share of 0 to 1 in per cent; only nothing is 0 and only all is 100."""
    if value is None:
        return EMPTY
    if 0 < value < _LEAST:
        return f"<{SPACE}{percent(0.001, 1)}"
    if 1 - _LEAST <= value < 1:
        return f">{SPACE}{percent(0.999, 1)}"
    return percent(value, 1)


def percent(value: float, decimals: int = 0) -> str:
    """Return a share in per cent with so many decimals."""
    return f"{_grouped(100 * value, decimals)}{SPACE}%"


def measured(value: float | None) -> str:
    """Return a measured value, the more decimals the smaller it is."""
    if value is None:
        return EMPTY
    if value == 0 or value >= _SOME:
        return _grouped(value, 0)
    return _grouped(value, 1 if value >= _FEW else 2)


def span(milliseconds: float | None) -> str:
    """Return how long something took, in the unit that suits."""
    if milliseconds is None:
        return EMPTY
    second = 1000
    if milliseconds < second:
        return f"{measured(milliseconds)}{SPACE}{_('ms')}"
    return f"{measured(milliseconds / second)}{SPACE}{_('s')}"


def short(value: float) -> str:
    """Return a number of an axis: 1 200 000 as "1.2 M"."""
    size, letter = next((one for one in _SHORT if abs(value) >= one[0]), (1.0, ""))
    text = f"{value / size:.4g}".replace(".", _point())
    return f"{text}{SPACE}{letter}" if letter else text


def _grouped(value: float, decimals: int) -> str:
    whole, _point_there, rest = f"{value:,.{decimals}f}".partition(".")
    text = whole.replace(",", GROUP)
    return f"{text}{_point()}{rest}" if rest else text


def _point() -> str:
    return str(get_format("DECIMAL_SEPARATOR"))
