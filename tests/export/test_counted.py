"""Counted: every kind of figure comes under its name and its labels, and nothing twice."""

from __future__ import annotations

from math import inf

import pytest

from workflow_engine.export.counted import counted
from workflow_engine.export.family import Labels, Numbers, Spread, Times
from workflow_engine.metrics.counts import Counts, Figure
from workflow_engine.metrics.spread import BOUNDS


def _figure(scope: str, counter: str, reason: str, count: int = 1) -> Figure:
    return Figure(scope=scope, counter=counter, reason=reason, count=count)


def _numbers(*figures: Figure) -> dict[str, dict[Labels, float]]:
    """Return what there is a number of."""
    return {
        one.name.removeprefix("workflow_engine_"): dict(one.values)
        for one in counted(figures, ())
        if isinstance(one, Numbers) and one.values
    }


@pytest.mark.parametrize(
    ("figure", "name", "labels"),
    [
        (("fired", "event", "sent"), "events_total", ("fired", "sent")),
        (("email", "firing", "done:"), "firings_total", ("email", "done", "")),
        (
            ("email", "firing", "failed:attempts_used"),
            "firings_total",
            ("email", "failed", "attempts_used"),
        ),
        (("webhook", "delivery", "ok"), "deliveries_total", ("webhook", "ok")),
        (("w", "hit", "near"), "lookup_reads_total", ("w", "hit", "near")),
        (("w", "miss", "absent"), "lookup_reads_total", ("w", "miss", "absent")),
        (("w", "bypass", "mode"), "lookup_reads_total", ("w", "bypass", "mode")),
        (("w", "fill", "stored"), "lookup_fills_total", ("w", "stored", "")),
        (("w", "refused", "oom"), "lookup_fills_total", ("w", "refused", "oom")),
        (
            ("w", "forgot", "save:workflow"),
            "lookup_forgets_total",
            ("w", "save", "workflow"),
        ),
        (("w", "forgot", "hand"), "lookup_forgets_total", ("w", "hand", "")),
        (
            ("w", "forgot_all", "migrate"),
            "lookup_whole_forgets_total",
            ("w", "migrate", ""),
        ),
        (("w", "permit", "taken"), "lookup_permits_total", ("w", "taken")),
        (("w", "verify", "equal"), "lookup_verified_total", ("w", "equal")),
        (("w", "shadow", "moved"), "lookup_verified_total", ("w", "moved")),
        (("", "error", "timeout"), "lookup_errors_total", ("timeout",)),
    ],
    ids=lambda value: (
        value if isinstance(value, str) else "-".join(filter(None, value))
    ),
)
def test_counted__one_figure(
    figure: tuple[str, str, str], name: str, labels: Labels
) -> None:
    assert _numbers(_figure(*figure, count=7)) == {name: {labels: 7}}


def test_counted__stale_is_a_verdict_and_a_number_of_its_own() -> None:
    found = _numbers(
        _figure("w", "verify", "checked", 10),
        _figure("w", "verify", "stale", 1),
        _figure("w", "shadow", "stale", 2),
        _figure("w", "verify", "equal", 9),
    )

    assert found == {
        "lookup_verified_total": {("w", "stale"): 3, ("w", "equal"): 9},
        "lookup_stale_total": {("w",): 3},
    }


def test_counted__errors_of_all_accesses() -> None:
    found = _numbers(_figure("w", "error", "resolve"), _figure("d", "error", "resolve"))

    assert found == {"lookup_errors_total": {("resolve",): 2}}


def test_counted__bytes() -> None:
    own = Counts()
    own.sum("w", "bytes", "read", count=3, total=4096)

    found = _numbers(*own.take())

    assert found == {"lookup_bytes_total": {("w", "read"): 4096}}


def _times(*figures: Figure, accesses: tuple[str, ...] = ()) -> dict[str, Times]:
    return {
        one.name.removeprefix("workflow_engine_"): one
        for one in counted(figures, accesses)
        if isinstance(one, Times)
    }


def test_counted__times() -> None:
    own = Counts()
    for took_ms in (0.1, 3.0, 4.0, 4_000_000.0):
        own.observe("email", "action", "", took_ms)
    own.observe("webhook", "action", "", 50.0)
    own.observe("workflows", "load", "ms", 1.0)
    own.add("workflows", "load", "keys", 5)

    found = _times(*own.take())

    actions = found["action_seconds"]
    assert actions.bounds_seconds == (*(bound / 1000 for bound in BOUNDS), inf)
    assert actions.labels == ("action_kind",)
    assert set(actions.spreads) == {("email",), ("webhook",)}
    email = actions.spreads[("email",)]
    by_bound = dict(zip(actions.bounds_seconds, email.up_to, strict=True))
    assert by_bound == {
        bound: 4 if bound == inf else 3 if bound >= 0.005 else 1 for bound in by_bound
    }
    assert email.total_seconds == 4000.0071
    loads = found["lookup_load_seconds"].spreads[("workflows",)]
    assert (loads.up_to[-1], loads.total_seconds) == (1, 0.001)


def test_counted__lateness_of_all_kinds() -> None:
    own = Counts()
    own.observe("act", "lateness", "", 2.0)
    own.observe("detect", "lateness", "", 2000.0)

    found = _times(*own.take())["item_lateness_seconds"]

    assert (found.labels, list(found.spreads)) == ((), [()])
    assert (found.spreads[()].up_to[-1], found.spreads[()].total_seconds) == (2, 2.002)


def test_counted__sums_that_differ_in_their_last_digits() -> None:
    spread = _figure("", "lag.le", "1")
    first, second = (
        _times(
            spread, Figure(scope="", counter="lag", reason="", count=1, total=total)
        )["lookup_invalidation_lag_seconds"]
        for total in (0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1)
    )

    assert 0.1 + 0.2 + 0.3 != 0.3 + 0.2 + 0.1
    assert first.spreads == second.spreads


def test_counted__from_the_start() -> None:
    families = list(counted([], ("w", "d")))

    numbers = {one.name: one.values for one in families if isinstance(one, Numbers)}
    stale = numbers.pop("workflow_engine_lookup_stale_total")
    assert stale == {("w",): 0, ("d",): 0}
    assert not any(numbers.values())
    nothing = Spread(up_to=(0,) * (len(BOUNDS) + 1), total_seconds=0.0)
    spreads = {
        name.removesuffix("_seconds"): dict(one.spreads)
        for name, one in _times(accesses=("w",)).items()
    }
    assert spreads == {
        "action": {},
        "lookup_load": {},
        "item_lateness": {(): nothing},
        "lookup_invalidation_lag": {(): nothing},
    }


def test_counted__nothing_is_counted_any_more() -> None:
    families = list(counted([], ()))

    assert len(families) == 19
    assert not any(
        one.values if isinstance(one, Numbers) else one.spreads for one in families
    )
