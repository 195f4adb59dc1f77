"""Lines and spreads: figures added up by what they are of, and what follows of them."""

from __future__ import annotations

from bisect import bisect_left
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.metrics.counts import Counts, Figure
from workflow_engine.metrics.lines import Line, line_of, lines_of, of_look_ups
from workflow_engine.metrics.spread import BOUNDS, bound_of, bound_text, quantile

#: Beside and on every bound, and beyond all.
VALUES = st.one_of(
    st.sampled_from([0.0, *BOUNDS]),
    st.floats(min_value=0, max_value=8e6, allow_nan=False),
)


def figure(scope: str, counter: str, reason: str = "", count: int = 1) -> Figure:
    return Figure(scope=scope, counter=counter, reason=reason, count=count)


def spread_of(values: list[float]) -> dict[float, int]:
    found: dict[float, int] = {}
    for value in values:
        bound = bound_of(bound_text(value))
        found[bound] = found.get(bound, 0) + 1
    return found


def place(value: float) -> int:
    """Return the number of the bound that a value counts for."""
    return bisect_left(BOUNDS, value)


@given(st.lists(VALUES, min_size=1, max_size=200), st.floats(0.01, 1))
def test_quantile__is_between_the_bounds_of_the_exact_one(
    values: list[float], share: float
) -> None:
    exact = sorted(values)[ceil(share * len(values)) - 1]

    told = quantile(spread_of(values), share, max(values))

    assert told is not None
    assert told <= max(values)
    below = BOUNDS[place(exact) - 1] if place(exact) else 0.0
    assert below <= told
    assert place(told) <= place(exact)


@given(st.lists(VALUES, min_size=1, max_size=50))
def test_quantile__does_not_fall_with_the_share(values: list[float]) -> None:
    spread = spread_of(values)

    told = [quantile(spread, share / 20, max(values)) for share in range(1, 21)]

    assert told == sorted(told, key=float)  # type: ignore[arg-type] # none is None
    assert told[-1] == max(values)


def test_quantile__of_nothing_is_unknown() -> None:
    assert quantile({}, 0.99, 0.0) is None
    assert Line(scope="").measured("load", "ms").quantile(0.5) is None
    assert Line(scope="").measured("load", "ms").mean is None


@pytest.mark.parametrize("bound", [*BOUNDS, float("inf")], ids=str)
def test_bound__says_itself(bound: float) -> None:
    assert bound_of(bound_text(bound)) == bound


def test_lines_of__the_wanted_first_then_others_then_what_belongs_to_none() -> None:
    figures = [
        figure("older", "hit", "near", 2),
        figure("", "error", "timeout"),
        figure("b", "miss", "absent", 3),
    ]

    lines = lines_of(["a", "b"], figures)

    assert [line.scope for line in lines] == ["a", "b", "older", ""]
    assert [line.reads for line in lines] == [0, 3, 2, 0]
    assert lines[-1].of("error") == {"timeout": 1}


def test_of_look_ups__leaves_out_what_is_about_events() -> None:
    own = Counts()
    own.add("fired", "event", "sent")
    own.add("workflows", "hit", "near")
    own.observe("email", "action", "", 5.0)
    own.observe("workflows", "load", "ms", 5.0)

    found = of_look_ups(own.take())

    assert {one.counter for one in found} == {"hit", "load", "load.le"}


def test_line__shares_and_findings_are_unknown_until_there_is_one() -> None:
    unread = line_of([figure("a", "fill", "stored")])
    read = line_of(
        [
            figure("a", "hit", "near", 6),
            figure("b", "hit", "cell", 1),
            figure("a", "miss", "absent", 2),
            figure("a", "bypass", "busy", 1),
            figure("a", "verify", "checked", 4),
        ]
    )

    assert (unread.hit_share, unread.share(0), unread.stale) == (None, None, None)
    assert (read.reads, read.hit_share, read.verified, read.stale) == (10, 0.7, 4, 0)
    assert line_of([figure("a", "shadow", "stale", 2)]).stale == 2


def test_measured__of_one_reason_or_of_all() -> None:
    own = Counts()
    own.observe("a", "load", "ms", 4.0)
    own.observe("a", "load", "ms", 40.0)
    own.add("a", "load", "keys", 7)
    own.observe("a", "lag", "save", 1.0)
    own.observe("a", "lag", "sweep", 3.0)

    line = line_of(own.take())

    loads, lag = line.measured("load", "ms"), line.measured("lag")
    assert (loads.count, loads.total, loads.mean, loads.highest) == (2, 44.0, 22.0, 40)
    assert loads.spread == {5.0: 1, 50.0: 1}
    assert (lag.count, lag.total, lag.highest) == (2, 4.0, 3.0)
