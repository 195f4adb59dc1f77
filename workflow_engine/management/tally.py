"""Tally: what has become of the events of a file so far, for people and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from workflow_engine import clock
from workflow_engine.types.event import JSON
from workflow_engine.types.outcome import Outcome
from workflow_engine.types.reasons import Result, result_of

RESULTS: Final = {
    Result.FIRED: "fired",
    Result.HELD: "held",
    Result.FAILED: "failed",
    Result.NO_MATCH: "no match",
}


def errors_of(outcome: Outcome) -> list[str]:
    """Return what failed, one text each, whatever became of the event as a whole."""
    detectors = [
        f"detector {d.detector} failed: {d.reason}"
        for d in outcome.detections
        if d.reason is not None and result_of(d.reason) is Result.FAILED
    ]
    workflows = [
        f"workflow {w.workflow} failed: {w.reason}"
        for w in outcome.workflows
        if w.outcome is Result.FAILED
    ]
    found = detectors + workflows
    if not found and outcome.outcome is Result.FAILED:
        found = [f"failed: {outcome.reason}"]
    return found


@dataclass
class Tally:
    """Counts.

    Attributes:
        events: Judged, or handed on.
        refused: Lines that hold no event.
        results: Events by what became of them; empty when they were handed on.
        errors: Events, and items of a replay, in which something failed.
        began: Monotonic seconds.
    """

    events: int = 0
    refused: int = 0
    results: Counter[Result] = field(default_factory=Counter)
    errors: int = 0
    began: float = field(default_factory=clock.monotonic)

    def count(self, outcome: Outcome) -> None:
        """Count what became of an event, or that something failed in an item."""
        if not outcome.item:
            self.results[outcome.outcome] += 1
        self.errors += bool(errors_of(outcome))

    def per_second(self) -> float:
        """Return the rate of events since the beginning."""
        return self.events / max(clock.monotonic() - self.began, 1e-9)

    def text(self, name: str, *, is_handed_on: bool) -> str:
        """Return the counts as one line about the file."""
        parts = [name, f"{self.events} events", f"{self.per_second():.0f}/s"]
        if is_handed_on:
            parts.append("submitted")
        else:
            parts += [f"{RESULTS[result]} {self.results[result]}" for result in Result]
            parts.append(f"errors {self.errors}")
        return "  ".join([*parts, f"refused {self.refused}"])

    def json(self) -> dict[str, JSON]:
        """Return the counts as plain JSON data."""
        return {
            "events": self.events,
            **{result.value: self.results[result] for result in Result},
            "errors": self.errors,
            "refused": self.refused,
            "events_per_second": round(self.per_second(), 1),
        }
