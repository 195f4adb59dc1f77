"""Samples: metric events in a file, and the bounds at which an episode begins and ends."""

from __future__ import annotations

import json
import random
import statistics
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

EVENTS: Final = 27_854
SUBJECTS: Final = ("cpu", "memory", "speed")


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """An episode of a source begins above `high` and ends at `resolve` or below."""

    high: float
    resolve: float


def write_samples(path: Path) -> None:
    """Write the generated events: three walks that now and then rise above their bound."""
    chance = random.Random(7)  # noqa: S311 - the same events every time
    began = datetime(2026, 5, 2, tzinfo=UTC)
    values = dict.fromkeys(SUBJECTS, 50.0)
    with path.open("w") as file:
        for number in range(EVENTS):
            subject = SUBJECTS[number % len(SUBJECTS)]
            values[subject] += (50 - values[subject]) * 0.02 + chance.gauss(0, 3)
            time = began + timedelta(seconds=number)
            event = {
                "specversion": "1.0",
                "id": f"sample-{number}",
                "source": f"metrics/{subject}",
                "type": "metric.sample",
                "time": time.isoformat().replace("+00:00", "Z"),
                "subject": subject,
                "data": {"value": round(values[subject], 4)},
            }
            file.write(f"{json.dumps(event)}\n")


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a file as the standard library reads them."""
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def bounds_of(path: Path) -> dict[str, Bounds]:
    """Return bounds for each source: one value in twenty is above, half are below."""
    values: dict[str, list[float]] = defaultdict(list)
    for event in read(path):
        values[event["source"]].append(event["data"]["value"])
    found = {}
    for source, numbers in values.items():
        steps = statistics.quantiles(numbers, n=20)
        found[source] = Bounds(high=steps[-1], resolve=steps[9])
    return found
