"""Tally: what has become of the events of a file so far, for people and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from workflow_engine import clock
from workflow_engine.types.event import JSON
from workflow_engine.types.reasons import Result

RESULTS: Final = {
    Result.FIRED: "fired",
    Result.HELD: "held",
    Result.FAILED: "failed",
    Result.NO_MATCH: "no match",
}


@dataclass
class Tally:
    """Counts.

    Attributes:
        events: Judged, or handed on.
        refused: Lines that hold no event.
        results: Events by what became of them; empty when they were handed on.
        began: Monotonic seconds.
    """

    events: int = 0
    refused: int = 0
    results: Counter[Result] = field(default_factory=Counter)
    began: float = field(default_factory=clock.monotonic)

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
        return "  ".join([*parts, f"refused {self.refused}"])

    def json(self) -> dict[str, JSON]:
        """Return the counts as plain JSON data."""
        return {
            "events": self.events,
            **{result.value: self.results[result] for result in Result},
            "refused": self.refused,
            "events_per_second": round(self.per_second(), 1),
        }
