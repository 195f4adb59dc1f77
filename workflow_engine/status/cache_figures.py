"""Cache figures: how look-ups fared in a window, the same for every page, command and export.

Unknown is None and never 0: a share of nothing read, a slot in which nothing was counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connections

from workflow_engine.caches import declared
from workflow_engine.conf import options
from workflow_engine.metrics import reading
from workflow_engine.metrics.lines import (
    READS,
    Line,
    Measured,
    line_of,
    lines_of,
    of_look_ups,
)
from workflow_engine.metrics.sources import (
    Release,
    Sources,
    read_sources,
    releases_since,
)
from workflow_engine.metrics.windows import Window
from workflow_engine.status.debt import Debt, read_debt
from workflow_engine.status.in_json import (
    line_json,
    measured_json,
    releases_json,
    sources_json,
    window_json,
)
from workflow_engine.status.modes import modes
from workflow_engine.types.event import JSON
from workflow_engine.types.instants import instant_text

#: The name of the slots of all accesses together.
ALL: Final = ""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """How the keys that were asked for in one slot were answered.

    Attributes:
        at: First moment.
        hits: By the cache; None, like the others = nothing was counted: a gap.
        misses: By a load to be stored.
        bypasses: By the database, past the cache.
    """

    at: datetime
    hits: int | None = None
    misses: int | None = None
    bypasses: int | None = None

    @property
    def reads(self) -> int | None:
        """How many keys were asked for; None = a gap."""
        if self.hits is None:
            return None
        return self.hits + (self.misses or 0) + (self.bypasses or 0)

    @property
    def hit_share(self) -> float | None:
        """The share of them that the cache answered; None = a gap."""
        return None if self.hits is None or not self.reads else self.hits / self.reads

    def json(self) -> JSON:
        """Return it as a JSON value."""
        return {
            "at": instant_text(self.at),
            "hits": self.hits,
            "misses": self.misses,
            "bypasses": self.bypasses,
            "hit_share": self.hit_share,
        }


@dataclass(frozen=True, kw_only=True)
class CacheFigures:
    """How look-ups fared in a window, in all processes together.

    Attributes:
        window: What was read.
        lines: One for each access: those declared, in their order and also without a row,
            then others that were counted, such as of an older release.
        total: All accesses together, with what belongs to no single one, such as `error`,
            `breaker` and `lag`.
        slots: By name of the access, and under ALL of all together: every slot of the
            window, the oldest first. An access that was not read has gaps only; one
            that was not asked for is not there.
        debt: What the outbox owes; None = there is none to this process.
        is_recorded: Whether the database writes down what is owed, if anything is.
        sources: The processes that write figures, and how fresh these are.
        releases: Those whose first process began in the window.
        modes: By name of the access, as this process is set.
        alias: Of the cache in Redis; None = entries are kept in each process.
    """

    window: Window
    lines: tuple[Line, ...]
    total: Line
    slots: Mapping[str, tuple[Slot, ...]]
    debt: Debt | None
    is_recorded: bool
    sources: Sources
    releases: tuple[Release, ...]
    modes: Mapping[str, str]
    alias: str | None

    @property
    def keys_answered(self) -> int:
        """How many keys were answered without the database.

        A look-up that finds all its keys saves one query, however many they are; so the
        queries that were avoided are at most as many.
        """
        return self.total.count("hit")

    @property
    def lag(self) -> Measured:
        """From COMMIT to everything forgotten, in milliseconds."""
        return self.total.measured("lag")

    def line(self, access: str) -> Line:
        """Return the line of an access, ALL for the total; one without figures is empty."""
        if access == ALL:
            return self.total
        found = (one for one in self.lines if one.scope == access)
        return next(found, Line(scope=access))

    def json(self) -> JSON:
        """Return it as a JSON value."""
        return {
            "window": window_json(self.window),
            "store": "process" if self.alias is None else "redis",
            "alias": self.alias,
            "modes": dict(self.modes),
            "total": line_json(self.total),
            "accesses": [line_json(one) for one in self.lines],
            "keys_answered": self.keys_answered,
            "lag": measured_json(self.lag, "ms"),
            "outbox": self.debt and self.debt.json(),
            "sources": sources_json(self.sources),
            "releases": releases_json(self.releases),
            "slots": [one.json() for one in self.slots[ALL]],
            "slots_by_access": {
                name: [one.json() for one in slots]
                for name, slots in self.slots.items()
                if name != ALL
            },
        }


def read(
    using: str, window: Window, *, slots_of: Collection[str] | None = None
) -> CacheFigures:
    """Return how look-ups fared; three queries, four with Redis.

    Args:
        using: Alias of the database.
        window: What is to be read.
        slots_of: Accesses whose slots are wanted beside those of all together, which are
            much less to read than those of each; None = of each.
    """
    found = reading.read(using, window, *_slices(slots_of))
    figures = of_look_ups(found.figures)
    names = [one.name for one in declared]
    *lines, _ = lines_of(names, figures)
    is_shared = options.CACHE_ALIAS is not None
    is_recorded = connections[using].vendor == "postgresql"
    return CacheFigures(
        window=window,
        lines=tuple(lines),
        total=line_of(figures),
        slots=_slots(
            window,
            [one.scope for one in lines if slots_of is None or one.scope in slots_of],
            [point for points in found.points for point in points],
            is_added_up=slots_of is not None,
        ),
        debt=read_debt(using) if is_shared and is_recorded else None,
        is_recorded=is_recorded or not is_shared,
        sources=read_sources(using, window.until, window.since),
        releases=tuple(releases_since(using, window.since)),
        modes=modes(),
        alias=options.CACHE_ALIAS,
    )


def _slices(slots_of: Collection[str] | None) -> list[reading.Slice]:
    """Return what is to be read slot by slot: each access, or all of them and some."""
    if slots_of is None:
        return [reading.Slice(counters=READS, by_reason=False)]
    together = reading.Slice(counters=READS, by_scope=False, by_reason=False)
    names = tuple(name for name in slots_of if name != ALL)
    if not names:
        return [together]
    return [together, reading.Slice(counters=READS, scopes=names, by_reason=False)]


def _slots(
    window: Window,
    names: Iterable[str],
    points: Iterable[reading.Point],
    *,
    is_added_up: bool,
) -> dict[str, tuple[Slot, ...]]:
    """Return every slot of the named accesses and of all.

    Args:
        window: Whose slots.
        names: Of accesses.
        points: Of these, and perhaps of all of them added up.
        is_added_up: Whether they are; else that is done here.
    """
    found: dict[tuple[str, datetime], dict[str, int]] = {}
    for point in points:
        scope, counter = point.figure.scope, point.figure.counter
        for name in (scope,) if is_added_up else {ALL, scope}:
            reads = found.get((name, point.at))
            if reads is None:
                reads = found[name, point.at] = dict.fromkeys(READS, 0)
            reads[counter] += point.figure.count
    moments = list(window.slots())
    return {
        name: tuple(_slot(at, found.get((name, at))) for at in moments)
        for name in (ALL, *names)
    }


def _slot(at: datetime, reads: Mapping[str, int] | None) -> Slot:
    if reads is None:
        return Slot(at=at)
    return Slot(
        at=at, hits=reads["hit"], misses=reads["miss"], bypasses=reads["bypass"]
    )
