"""Counters: which families of numbers and times are made of which figures; pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from workflow_engine.export.family import Labels
from workflow_engine.metrics.counts import Figure

#: The reason that is the sum of others, which would be counted twice.
_SUM: Final = "checked"


@dataclass(frozen=True, kw_only=True)
class Counter:
    """A family of numbers made of figures.

    Attributes:
        counters: Names of the counters whose figures count.
        place: Which labels a figure counts for; None = it does not count.
        number: How much it counts for.
        starts_with: The labels of each access, from the start: the first of what must never
            happen is a rise from 0, or no alert would see it.
    """

    name: str
    text: str
    labels: Labels
    counters: tuple[str, ...]
    place: Callable[[Figure], Labels | None]
    number: Callable[[Figure], float] = lambda figure: figure.count
    starts_with: Callable[[str], Labels] | None = None


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """A family of times made of what was measured, in milliseconds.

    Attributes:
        counter: Name of the counter.
        label: What its scope is called; "" = scopes are added up, and there is always one
            member.
    """

    name: str
    text: str
    counter: str
    label: str = ""


def _by_reason(figure: Figure) -> Labels:
    return (figure.scope, figure.reason)


def _read(figure: Figure) -> Labels:
    return (figure.scope, figure.counter, figure.reason)


def _fill(figure: Figure) -> Labels:
    if figure.counter == "fill":
        return (figure.scope, figure.reason, "")
    return (figure.scope, figure.counter, figure.reason)


def _pair(figure: Figure) -> Labels:
    """What stands before and behind the colon of a reason, each a label of its own."""
    first, _, second = figure.reason.partition(":")
    return (figure.scope, first, second)


def _verdict(figure: Figure) -> Labels | None:
    return None if figure.reason == _SUM else _by_reason(figure)


def _reason(figure: Figure) -> Labels:
    return (figure.reason,)


def _scope(figure: Figure) -> Labels:
    return (figure.scope,)


def _stale(figure: Figure) -> Labels | None:
    return (figure.scope,) if figure.reason == "stale" else None


COUNTERS: Final = (
    Counter(
        name="events_total",
        text="Events that were decided on.",
        labels=("outcome", "reason"),
        counters=("event",),
        place=_by_reason,
    ),
    Counter(
        name="events_again_total",
        text="The same events judged once more: after slow answers, or when time had passed.",
        labels=("outcome", "reason"),
        counters=("again",),
        place=_by_reason,
    ),
    Counter(
        name="decisions_lost_total",
        text="Sampled decisions that were dropped for room, or could not be written.",
        labels=("reason",),
        counters=("decision",),
        place=_reason,
    ),
    Counter(
        name="handovers_refused_total",
        text="Events and items that the broker refused; they are rows, and wait.",
        labels=("kind",),
        counters=("handover",),
        place=_scope,
    ),
    Counter(
        name="firings_total",
        text="Firings that came into a state.",
        labels=("action_kind", "state", "reason"),
        counters=("firing",),
        place=_pair,
    ),
    Counter(
        name="deliveries_total",
        text="Attempts to carry out an action.",
        labels=("action_kind", "result"),
        counters=("delivery",),
        place=_by_reason,
    ),
    Counter(
        name="lookup_reads_total",
        text="Keys that were asked for; each is a hit, a miss or a bypass.",
        labels=("access", "result", "reason"),
        counters=("hit", "miss", "bypass"),
        place=_read,
    ),
    Counter(
        name="lookup_fills_total",
        text="Answers that were loaded to be stored: stored, or refused and why.",
        labels=("access", "result", "reason"),
        counters=("fill", "refused"),
        place=_fill,
    ),
    Counter(
        name="lookup_forgets_total",
        text="Entries that were forgotten, because of what kind of write of what model.",
        labels=("access", "cause", "model"),
        counters=("forgot",),
        place=_pair,
    ),
    Counter(
        name="lookup_whole_forgets_total",
        text="Times that all entries of an access were forgotten at once.",
        labels=("access", "cause", "model"),
        counters=("forgot_all",),
        place=_pair,
    ),
    Counter(
        name="lookup_permits_total",
        text="Keys under a permit to fill: taken, or filled by another reader meanwhile.",
        labels=("access", "result"),
        counters=("permit",),
        place=_by_reason,
    ),
    Counter(
        name="lookup_bytes_total",
        text="Bytes of entries to and from the cache server.",
        labels=("access", "direction"),
        counters=("bytes",),
        place=_by_reason,
        number=lambda figure: round(figure.total),
    ),
    Counter(
        name="lookup_verified_total",
        text="Entries that were compared with the database, or could not be.",
        labels=("access", "result"),
        counters=("verify", "shadow"),
        place=_verdict,
    ),
    Counter(
        name="lookup_stale_total",
        text="Entries that were found stale.",
        labels=("access",),
        counters=("verify", "shadow"),
        place=_stale,
        starts_with=lambda access: (access,),
    ),
    Counter(
        name="lookup_errors_total",
        text="What went wrong with the cache.",
        labels=("reason",),
        counters=("error",),
        place=_reason,
    ),
)

HISTOGRAMS: Final = (
    Histogram(
        name="action_seconds",
        text="How long an attempt to carry out an action took.",
        counter="action",
        label="action_kind",
    ),
    Histogram(
        name="item_lateness_seconds",
        text="How long after it was due an item was begun for the first time.",
        counter="lateness",
    ),
    Histogram(
        name="lookup_load_seconds",
        text="How long the database took to answer a look-up.",
        counter="load",
        label="access",
    ),
    Histogram(
        name="lookup_invalidation_lag_seconds",
        text="From a commit to everything forgotten that it spoiled.",
        counter="lag",
    ),
)
