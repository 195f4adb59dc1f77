"""Event figures: what became of events, slot by slot, with gaps where nothing is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workflow_engine.metrics.counts import Counts
from workflow_engine.metrics.windows import Window, window_of
from workflow_engine.models import MetricBucket
from workflow_engine.status.event_figures import Tally, read

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 3, 12, 34, 56, tzinfo=UTC)


def of(name: str) -> Window:
    window = window_of(name, NOW)
    assert window is not None
    return window


def write(own: Counts, *, minutes_ago: int = 0) -> None:
    MetricBucket.objects.add(own.take(), NOW - timedelta(minutes=minutes_ago))


def test_read__tallies_by_what_they_are_of() -> None:
    own = Counts()
    own.add("no_match", "event", "trigger", 9)
    own.add("held", "event", "interval", 2)
    own.add("held", "event", "snoozed", 1)
    own.add("held", "again", "interval", 5)
    own.add("fired", "again", "sent", 4)
    own.add("email", "firing", "held:interval", 2)
    own.add("email", "firing", "sent:sent", 1)
    own.add("webhook", "delivery", "failed", 4)
    own.add("workflows", "hit", "near", 8)
    own.observe("webhook", "action", "", 30.0)
    own.observe("email", "action", "", 6.0)
    write(own)

    figures = read("default", of("24h"))

    assert figures.outcomes == {"no_match": 9, "held": 3, "fired": 4}
    assert figures.judged == 12
    assert figures.again[0] == Tally(
        scope="held", result="", reason="interval", count=5
    )
    assert figures.events[0] == Tally(
        scope="no_match", result="", reason="trigger", count=9
    )
    assert figures.firings == (
        Tally(scope="email", result="held", reason="interval", count=2),
        Tally(scope="email", result="sent", reason="sent", count=1),
    )
    assert figures.deliveries == (
        Tally(scope="webhook", result="failed", reason="", count=4),
    )
    assert {kind: its.mean for kind, its in figures.actions.items()} == {
        "email": 6.0,
        "webhook": 30.0,
    }
    assert figures.look_ups.reads == 8
    assert "event" not in figures.look_ups.reasons


def test_read__slots_of_outcomes_and_lateness() -> None:
    own = Counts()
    own.add("fired", "event", "sent", 2)
    own.add("failed", "event", "event_failed", 1)
    own.add("fired", "again", "sent", 7)
    own.add("held", "again", "interval", 8)
    own.observe("act", "lateness", "", 40.0)
    own.observe("event", "lateness", "", 4.0)
    write(own)
    own.observe("act", "lateness", "", 900.0)
    write(own, minutes_ago=2)

    figures = read("default", of("1h"))

    late, gap, now = figures.slots[-3:]
    assert (now.events, now.outcome("fired"), now.outcome("held")) == (3, 9, 0)
    assert (gap.events, gap.outcome("fired"), gap.lateness.quantile(0.5)) == (None,) * 3
    assert late.events is None
    assert (late.lateness.count, late.lateness.highest) == (1, 900.0)
    assert now.lateness.spread == {5.0: 1, 50.0: 1}
    assert (figures.lateness.count, figures.lateness.total) == (3, 944.0)


def test_json__nothing_is_null_and_not_zero() -> None:
    told = read("default", of("8h")).json()

    assert len(told["slots"]) == 96
    assert told["slots"][-1] == {
        "at": "2026-06-03T12:30:00Z",
        "events": None,
        "outcomes": None,
        "lateness_p50_ms": None,
        "lateness_p99_ms": None,
    }
    assert told["lateness"]["p99_ms"] is told["lateness"]["highest_ms"] is None
    assert told["events"] == told["firings"] == []


def test_json__says_what_each_tally_is() -> None:
    own = Counts()
    own.add("email", "firing", "dead:permanent", 2)
    own.add("email", "delivery", "failed", 4)
    write(own)

    told = read("default", of("1h")).json()

    assert told["firings"] == [
        {"scope": "email", "result": "dead", "reason": "permanent", "count": 2}
    ]
    assert told["deliveries"] == [{"scope": "email", "result": "failed", "count": 4}]
