"""Layout: where things stand in the picture; across in per cent, so that it has any width.

Letters and circles keep their size at every width. Only the lines of the series lie in an
inner picture that is stretched.
"""

from __future__ import annotations

from typing import Final

#: Of the whole picture, in pixels.
HEIGHT: Final = 216

#: Of the part in which values are drawn.
TOP: Final = 22
PLOT: Final = 164
BOTTOM: Final = TOP + PLOT

#: Baseline of the moments below it.
MOMENTS: Final = BOTTOM + 20

#: How wide the inner picture is in its own units.
WIDTH: Final = 1000


def down(place: float) -> float:
    """Return a place of 0 to 1 from above as pixels."""
    return round(TOP + PLOT * place, 1)
