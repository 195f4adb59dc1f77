"""Stats: the figures of all processes over some time, as a table and its reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db.models import Max, Sum

from workflow_engine import clock
from workflow_engine.caches.metrics import Figure
from workflow_engine.management.cache.spans import span_text
from workflow_engine.models import CacheOutbox, MetricBucket
from workflow_engine.types.event import JSON

NOTHING: Final = "-"
HEADINGS: Final = (
    "access",
    "reads",
    "hits",
    "near",
    "empty",
    "miss",
    "bypass",
    "refused",
    "forgotten",
    "load",
    "stale",
)
#: The counters whose reasons are told, and what of.
WHY: Final = {
    "miss": "misses",
    "bypass": "bypasses",
    "refused": "refused",
    "forgot": "forgotten",
    "forgot_all": "forgotten whole",
    "verify": "verified",
    "shadow": "shadow",
    "error": "errors",
    "breaker": "breaker",
}


def read_figures(using: str, since: datetime) -> list[Figure]:
    """Return what all processes counted in the minutes that began at `since` or later.

    One query.
    """
    rows = (
        MetricBucket.objects.using(using)
        .since(since)
        .order_by()
        .values_list("access", "counter", "reason")
        .annotate(Sum("count"), Sum("total"), Max("highest"))
    )
    return [
        Figure(
            access=access,
            counter=counter,
            reason=reason,
            count=count,
            total=total,
            highest=highest,
        )
        for access, counter, reason, count, total, highest in rows
    ]


@dataclass(kw_only=True)
class Line:
    """The figures of one access, or of all together.

    Attributes:
        access: Its name; "" = what belongs to no single one.
        reasons: By counter, how often each reason.
        load_ms: What loads took in all, in milliseconds.
    """

    access: str
    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    load_ms: float = 0.0

    def add(self, figure: Figure) -> None:
        """Add a figure."""
        self.of(figure.counter)[figure.reason] += figure.count
        if (figure.counter, figure.reason) == ("load", "ms"):
            self.load_ms += figure.total

    def of(self, counter: str) -> Counter[str]:
        """Return how often each reason of a counter was."""
        return self.reasons.setdefault(counter, Counter())

    def count(self, counter: str) -> int:
        """Return how often a counter was, for whatever reason."""
        return self.of(counter).total()

    @property
    def reads(self) -> int:
        """How many keys were asked for."""
        return sum(map(self.count, ("hit", "miss", "bypass")))

    @property
    def stale(self) -> int:
        """How many entries were found stale."""
        return self.of("verify")["stale"] + self.of("shadow")["stale"]

    @property
    def load_mean_ms(self) -> float | None:
        """What a load took on average; None without any."""
        loads = self.of("load")["ms"]
        return self.load_ms / loads if loads else None

    def cells(self) -> list[str]:
        """Return the line of the table, in the order of HEADINGS."""
        mean = self.load_mean_ms
        return [
            self.access,
            _number(self.reads),
            self._share(self.count("hit")),
            self._share(self.of("hit")["near"]),
            self._share(self.count("empty")),
            _number(self.count("miss")),
            _number(self.count("bypass")),
            _number(self.count("refused")),
            _number(self.count("forgot")),
            NOTHING if mean is None else f"{mean:.1f} ms",
            _number(self.stale),
        ]

    def json(self) -> JSON:
        """Return the figures as a JSON value."""
        return {
            "access": self.access,
            "reads": self.reads,
            "stale": self.stale,
            "load_mean_ms": self.load_mean_ms,
            "counters": {name: dict(why) for name, why in self.reasons.items() if why},
        }

    def _share(self, count: int) -> str:
        return f"{100 * count / self.reads:.1f} %" if self.reads else NOTHING


@dataclass(frozen=True, kw_only=True)
class Debt:
    """What the outbox owes.

    Attributes:
        rows: How many.
        oldest_seconds: For how long the oldest has been owed; None without any.
    """

    rows: int
    oldest_seconds: float | None

    def line(self) -> str:
        """Return what people read."""
        if self.oldest_seconds is None:
            return "outbox: empty"
        noun = "row" if self.rows == 1 else "rows"
        age = span_text(self.oldest_seconds)
        return f"outbox: {_number(self.rows)} {noun}, the oldest {age} old"

    def json(self) -> JSON:
        """Return it as a JSON value."""
        return {"rows": self.rows, "oldest_seconds": self.oldest_seconds}


def read_debt(using: str) -> Debt:
    """Return what the outbox owes now; two queries."""
    outbox = CacheOutbox.objects.using(using)
    rows, age = outbox.count(), outbox.oldest_age(clock.now())
    oldest_seconds = None if age is None else max(0.0, age.total_seconds())
    return Debt(rows=rows, oldest_seconds=oldest_seconds)


def lines_of(names: Iterable[str], figures: Iterable[Figure]) -> list[Line]:
    """Return a line for each access, these first, and at the end what belongs to none."""
    lines = {name: Line(access=name) for name in names}
    rest = Line(access="")
    for figure in figures:
        if figure.access:
            line = lines.setdefault(figure.access, Line(access=figure.access))
            line.add(figure)
        else:
            rest.add(figure)
    return [*lines.values(), rest]


def table(lines: Sequence[Line]) -> Iterator[str]:
    """Yield the table, and below it why what happened, over all lines together."""
    rows = [HEADINGS, *(line.cells() for line in lines if line.access)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = (c.rjust(w) for c, w in zip(others, widths[1:], strict=True))
        yield "  ".join((first.ljust(widths[0]), *cells))
    for counter, title in WHY.items():
        reasons: Counter[str] = sum((one.of(counter) for one in lines), Counter())
        if reasons:
            told = " · ".join(f"{why} {_number(n)}" for why, n in reasons.most_common())
            yield f"{title}: {told}"


def _number(number: int) -> str:
    return f"{number:,}".replace(",", " ")
