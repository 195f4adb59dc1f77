"""Chart: what is to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain
from math import isfinite
from typing import Final, TypeAlias

#: Of a slot; None = nothing is known of it.
Value: TypeAlias = float | None

#: How long the slot of a chart is that has but one.
ONLY_SLOT: Final = timedelta(minutes=1)


class Kind(StrEnum):
    """How the values of a series are drawn."""

    LINE = "line"
    BAR = "bar"  # bars of several series stand on each other
    BELOW = "below"  # bars that hang below the line of nothing


@dataclass(frozen=True, kw_only=True)
class Series:
    """The values of one figure.

    Attributes:
        name: In the legend and over a column of the table.
        kind: How they are drawn.
        values: One for each slot, 0 or more; None = a gap.
        is_bad: Whether it is drawn in the colour of errors.
    """

    name: str
    values: Sequence[Value]
    kind: Kind = Kind.LINE
    is_bad: bool = False

    @property
    def is_bars(self) -> bool:
        """Whether it is drawn as bars."""
        return self.kind is not Kind.LINE


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A moment that is pointed out, such as that of a release."""

    at: datetime
    name: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Figures over time.

    Attributes:
        title: What is shown, in a few words.
        description: The same for who cannot see it, in a sentence.
        slots: First moment of each slot, all equally long.
        series: At least one.
        unit: Behind each number, such as "ms"; "" = none.
        marks: Those outside the slots are left out.
        top: What the axis goes up to at least; None = as far as the values.
        is_share: Whether values are shares of 0 to 1, to be shown in per cent.
        name: Tells the charts of one page apart; "" = the title does.
        until: When the figures were read: the last slot pales if it was not over. None: it
            was.

    Raises:
        ValueError: A value is negative or no number; or there are more or fewer than slots.
    """

    title: str
    description: str
    slots: Sequence[datetime]
    series: Sequence[Series]
    unit: str = ""
    marks: Sequence[Mark] = ()
    top: float | None = None
    is_share: bool = False
    name: str = ""
    until: datetime | None = None

    def __post_init__(self) -> None:
        for series in self.series:
            if len(series.values) != len(self.slots):
                found, wanted = len(series.values), len(self.slots)
                message = f"{series.name}: {found} values for {wanted} slots"
                raise ValueError(message)
        for value in self.known:
            if not isfinite(value) or value < 0:
                message = f"{self.title}: {value} cannot be drawn"
                raise ValueError(message)

    @property
    def known(self) -> list[float]:
        """All values but gaps."""
        values = chain.from_iterable(series.values for series in self.series)
        return [value for value in values if value is not None]

    @property
    def slot(self) -> timedelta:
        """How long a slot is."""
        return self.slots[1] - self.slots[0] if len(self.slots) > 1 else ONLY_SLOT

    @property
    def is_open(self) -> bool:
        """Whether the last slot was not over."""
        if self.until is None or not self.slots:
            return False
        return self.until < self.slots[-1] + self.slot

    def place(self, at: datetime) -> float | None:
        """Return where a moment stands, 0 to 1 from the left; None = outside."""
        if not self.slots:
            return None
        place = (at - self.slots[0]) / (self.slot * len(self.slots))
        return place if 0 <= place <= 1 else None
