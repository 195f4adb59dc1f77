"""Recorded events: series of the Numenta Anomaly Benchmark, webhooks of GitHub.

Each folder has the licence of what is in it.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


def recorded(name: str) -> list[dict[str, Any]]:
    """Return the events of "nab" or "github", in the order they were recorded."""
    with gzip.open(_HERE / name / "events.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def series(name: str) -> list[dict[str, Any]]:
    """Return one series of nab: the events of one subject."""
    return [event for event in recorded("nab") if event["subject"] == name]
