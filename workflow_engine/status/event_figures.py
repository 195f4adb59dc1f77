"""Event figures: what became of events in a window, the same for every page and export.

Unknown is None and never 0: a quantile of nothing, a slot in which nothing was counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from workflow_engine.metrics import reading
from workflow_engine.metrics.counts import Figure
from workflow_engine.metrics.lines import (
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
from workflow_engine.metrics.spread import SUFFIX
from workflow_engine.metrics.windows import Window
from workflow_engine.status.in_json import (
    measured_json,
    releases_json,
    sources_json,
    window_json,
)
from workflow_engine.types.event import JSON
from workflow_engine.types.instants import instant_text

EVENT: Final = "event"
AGAIN: Final = "again"
LATENESS: Final = "lateness"

#: What counts of events judged again: before, they were held or came to nothing.
LATER: Final = frozenset({"fired", "failed"})

_OUTCOMES: Final = reading.Slice(counters=(EVENT, AGAIN), by_reason=False)
_LATENESS: Final = reading.Slice(
    counters=(LATENESS, f"{LATENESS}{SUFFIX}"), by_scope=False
)

#: Between the state and the reason of a firing.
_MARK: Final = ":"


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How often something became of an event, a firing or a delivery.

    Attributes:
        scope: Of an event its outcome; else the kind of action.
        result: The state of a firing, the result of a delivery; "" of an event.
        reason: Why; "" of a delivery.
    """

    scope: str
    result: str
    reason: str
    count: int

    def json(self) -> JSON:
        """Return it as a JSON value, without what it has not."""
        named = {"result": self.result, "reason": self.reason}
        return {
            "scope": self.scope,
            **{name: text for name, text in named.items() if text},
            "count": self.count,
        }


@dataclass(frozen=True, kw_only=True)
class Slot:
    """What became of the events that were decided in one slot, and how late items were.

    Attributes:
        at: First moment.
        events: How many; None, like `outcomes` = nothing was counted: a gap.
        outcomes: How many had which outcome, also later: see `EventFigures.outcomes`.
        lateness: Of the items begun in it, in milliseconds.
    """

    at: datetime
    events: int | None = None
    outcomes: Mapping[str, int] | None = None
    lateness: Measured = field(default_factory=Measured)

    def outcome(self, name: str) -> int | None:
        """Return how often there was an outcome; None = a gap."""
        return None if self.outcomes is None else self.outcomes.get(name, 0)

    def json(self) -> JSON:
        """Return it as a JSON value."""
        return {
            "at": instant_text(self.at),
            "events": self.events,
            "outcomes": None if self.outcomes is None else dict(self.outcomes),
            "lateness_p50_ms": self.lateness.quantile(0.5),
            "lateness_p99_ms": self.lateness.quantile(0.99),
        }


@dataclass(frozen=True, kw_only=True)
class EventFigures:
    """What became of events in a window, in all processes together.

    Attributes:
        window: What was read.
        events: By outcome (scope) and reason, each event as it was judged when it came.
        again: The same of events that were judged once more: after slow answers, or because
            time has passed.
        firings: By kind of action (scope), state (result) and reason.
        deliveries: By kind of action (scope) and result.
        actions: By kind of action: how long one took, in milliseconds.
        lateness: From when an item was due to when it began, in milliseconds.
        slots: Every slot of the window, the oldest first.
        look_ups: How the look-ups fared meanwhile, all accesses together.
        sources: The processes that write figures, and how fresh these are.
        releases: Those whose first process began in the window.
    """

    window: Window
    events: tuple[Tally, ...]
    again: tuple[Tally, ...]
    firings: tuple[Tally, ...]
    deliveries: tuple[Tally, ...]
    actions: Mapping[str, Measured]
    lateness: Measured
    slots: tuple[Slot, ...]
    look_ups: Line
    sources: Sources
    releases: tuple[Release, ...]

    @property
    def outcomes(self) -> Counter[str]:
        """Decisions by outcome: those on events, and what fired or failed LATER."""
        found: Counter[str] = Counter()
        for one in self.events:
            found[one.scope] += one.count
        for one in self.again:
            if one.scope in LATER:
                found[one.scope] += one.count
        return found

    @property
    def judged(self) -> int:
        """How many events were judged when they came."""
        return sum(one.count for one in self.events)

    def json(self) -> JSON:
        """Return it as a JSON value."""
        return {
            "window": window_json(self.window),
            "judged": self.judged,
            "outcomes": dict(self.outcomes),
            "events": [one.json() for one in self.events],
            "again": [one.json() for one in self.again],
            "firings": [one.json() for one in self.firings],
            "deliveries": [one.json() for one in self.deliveries],
            "actions": {
                kind: measured_json(its, "ms") for kind, its in self.actions.items()
            },
            "lateness": measured_json(self.lateness, "ms"),
            "sources": sources_json(self.sources),
            "releases": releases_json(self.releases),
            "slots": [one.json() for one in self.slots],
        }


def read(using: str, window: Window) -> EventFigures:
    """Return what became of events; three queries."""
    found = reading.read(using, window, _OUTCOMES, _LATENESS)
    figures = found.figures
    actions = lines_of((), (one for one in figures if _base(one) == "action"))
    return EventFigures(
        window=window,
        events=_tallies(figures, EVENT),
        again=_tallies(figures, AGAIN),
        firings=_tallies(figures, "firing"),
        deliveries=_tallies(figures, "delivery"),
        actions={line.scope: line.measured("action") for line in actions[:-1]},
        lateness=line_of(one for one in figures if _base(one) == LATENESS).measured(
            LATENESS
        ),
        slots=_slots(window, *found.points),
        look_ups=line_of(of_look_ups(figures)),
        sources=read_sources(using, window.until, window.since),
        releases=tuple(releases_since(using, window.since)),
    )


def _base(figure: Figure) -> str:
    return figure.counter.removesuffix(SUFFIX)


def _tallies(figures: Iterable[Figure], counter: str) -> tuple[Tally, ...]:
    """Return the tallies of a counter, the most frequent first."""
    found = [_tally(one) for one in figures if one.counter == counter]
    return tuple(sorted(found, key=lambda one: (-one.count, one.scope, one.reason)))


def _tally(figure: Figure) -> Tally:
    reason = figure.reason
    if figure.counter == "firing":
        result, _, reason = reason.partition(_MARK)
    elif figure.counter == "delivery":
        result, reason = reason, ""
    else:
        result = ""
    return Tally(scope=figure.scope, result=result, reason=reason, count=figure.count)


def _slots(
    window: Window,
    outcomes: Iterable[reading.Point],
    lateness: Iterable[reading.Point],
) -> tuple[Slot, ...]:
    events: dict[datetime, int] = {}
    found: dict[datetime, Counter[str]] = {}
    for point in outcomes:
        figure = point.figure
        counted = found.setdefault(point.at, Counter())
        events.setdefault(point.at, 0)
        if figure.counter == EVENT:
            events[point.at] += figure.count
        if figure.counter == EVENT or figure.scope in LATER:
            counted[figure.scope] += figure.count
    late: dict[datetime, Line] = {}
    for point in lateness:
        late.setdefault(point.at, Line(scope="")).add(point.figure)
    return tuple(
        Slot(
            at=at,
            events=events.get(at),
            outcomes=found.get(at),
            lateness=late[at].measured(LATENESS) if at in late else Measured(),
        )
        for at in window.slots()
    )
