"""Lines: figures added up by what they are of, such as one access, and what follows of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from workflow_engine.metrics.counts import Figure
from workflow_engine.metrics.spread import SUFFIX, bound_of, quantile

#: Each key that was asked for is counted as one of these.
READS: Final = ("hit", "miss", "bypass")

#: Counters whose scope is no access: an outcome, a kind of action.
NOT_LOOK_UPS: Final = frozenset(
    {
        *("event", "again", "firing", "delivery", "action", "lateness"),
        *("handover", "decision"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was measured, in the unit of its counter.

    Attributes:
        count: How often.
        total: Sum of all values.
        highest: The most.
        spread: How many values by bound; see `metrics.spread`.
    """

    count: int = 0
    total: float = 0.0
    highest: float = 0.0
    spread: Mapping[float, int] = field(default_factory=dict)

    @property
    def mean(self) -> float | None:
        """The average; None without a value."""
        return self.total / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """Return what a share of the values did not exceed; None without a value."""
        return quantile(self.spread, share, self.highest)


@dataclass(kw_only=True)
class Line:
    """The figures of one access, or of all together.

    Attributes:
        scope: Name of the access; "" = what belongs to no single one.
        reasons: By counter, how often each reason.
        sums: By counter and reason, the sum of what was measured.
        heights: By counter and reason, the most that was measured.
    """

    scope: str
    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    sums: dict[tuple[str, str], float] = field(default_factory=dict)
    heights: dict[tuple[str, str], float] = field(default_factory=dict)

    def add(self, figure: Figure) -> None:
        """Add a figure."""
        name = (figure.counter, figure.reason)
        self.of(figure.counter)[figure.reason] += figure.count
        if figure.total:
            self.sums[name] = self.sums.get(name, 0.0) + figure.total
            self.heights[name] = max(self.heights.get(name, 0.0), figure.highest)

    def of(self, counter: str) -> Counter[str]:
        """Return how often each reason of a counter was."""
        return self.reasons.setdefault(counter, Counter())

    def count(self, counter: str) -> int:
        """Return how often a counter was, for whatever reason."""
        return self.of(counter).total()

    def spread(self, counter: str) -> dict[float, int]:
        """Return how many measured values there were by bound; see `metrics.spread`."""
        return {bound_of(text): n for text, n in self.of(f"{counter}{SUFFIX}").items()}

    def measured(self, counter: str, reason: str | None = None) -> Measured:
        """Return what was measured under a counter; None = for whatever reason.

        The spread is that of the whole counter.
        """
        reasons = self.of(counter) if reason is None else (reason,)
        names = [(counter, one) for one in reasons]
        return Measured(
            count=sum(self.of(counter)[one] for _, one in names),
            total=sum(self.sums.get(name, 0.0) for name in names),
            highest=max((self.heights.get(name, 0.0) for name in names), default=0.0),
            spread=self.spread(counter),
        )

    @property
    def reads(self) -> int:
        """How many keys were asked for."""
        return sum(map(self.count, READS))

    @property
    def hit_share(self) -> float | None:
        """The share of keys that the cache answered; None = none was asked for."""
        return self.share(self.count("hit"))

    @property
    def verified(self) -> int:
        """How many answers were compared with the database."""
        return self.of("verify")["checked"] + self.of("shadow")["checked"]

    @property
    def stale(self) -> int | None:
        """How many entries were found stale; None = nothing was compared."""
        stale = self.of("verify")["stale"] + self.of("shadow")["stale"]
        return stale if stale or self.verified else None

    def share(self, count: int) -> float | None:
        """Return a count as a share of the keys asked for; None = none was."""
        return count / self.reads if self.reads else None


def of_look_ups(figures: Iterable[Figure]) -> list[Figure]:
    """Return the figures that are about look-ups: all but `NOT_LOOK_UPS`."""
    return [
        one for one in figures if one.counter.removesuffix(SUFFIX) not in NOT_LOOK_UPS
    ]


def lines_of(scopes: Iterable[str], figures: Iterable[Figure]) -> list[Line]:
    """Return a line for each scope, these first, and at the end what belongs to none."""
    lines = {name: Line(scope=name) for name in scopes}
    rest = Line(scope="")
    for figure in figures:
        if figure.scope:
            lines.setdefault(figure.scope, Line(scope=figure.scope)).add(figure)
        else:
            rest.add(figure)
    return [*lines.values(), rest]


def line_of(figures: Iterable[Figure]) -> Line:
    """Return all figures as one line."""
    line = Line(scope="")
    for figure in figures:
        line.add(figure)
    return line
