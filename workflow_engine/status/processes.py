"""Processes: which of those that write figures are silent, or do without their cache."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Final

from workflow_engine.metrics.sources import Sources
from workflow_engine.status.part import Level, Remark, grouped

STATS: Final = "python manage.py workflow_cache stats"


def remarks(sources: Sources) -> Iterator[Remark]:
    """Yield what is to be said of them; nothing where all is well."""
    noun = "process" if sources.living == 1 else "processes"
    living = f"{grouped(sources.living)} {noun}"
    if sources.silent_since is not None:
        since = f"{sources.silent_since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        text = f"no figures from {grouped(sources.silent)} of {living} since {since}"
        yield Remark(text=text, level=Level.WARN)
    if sources.given_up:
        text = f"cache given up in {grouped(sources.given_up)} of {living}"
        yield Remark(text=text, level=Level.WARN, cure=STATS)
