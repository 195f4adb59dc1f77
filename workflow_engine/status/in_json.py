"""In JSON: values of `metrics` as the JSON that pages, commands and exports give out."""

from __future__ import annotations

from collections.abc import Iterable

from workflow_engine.metrics.lines import Line, Measured
from workflow_engine.metrics.sources import Release, Sources
from workflow_engine.metrics.spread import SUFFIX
from workflow_engine.metrics.windows import Window
from workflow_engine.types.event import JSON
from workflow_engine.types.instants import instant_text


def window_json(window: Window) -> JSON:
    """Return a window."""
    return {
        "name": window.name,
        "since": instant_text(window.since),
        "until": instant_text(window.until),
        "slot_seconds": int(window.slot.total_seconds()),
    }


def sources_json(sources: Sources) -> JSON:
    """Return what is known of the processes that write figures."""
    at, since = sources.flushed_at, sources.silent_since
    return {
        "figures_at": at and instant_text(at),
        "processes": sources.living,
        "silent": sources.silent,
        "silent_since": since and instant_text(since),
        "given_up": sources.given_up,
    }


def releases_json(releases: Iterable[Release]) -> JSON:
    """Return releases and when each began."""
    return [{"name": one.name, "at": instant_text(one.at)} for one in releases]


def measured_json(measured: Measured, unit: str) -> JSON:
    """Return what was measured; its unit stands in the names."""
    return {
        "count": measured.count,
        f"mean_{unit}": measured.mean,
        f"p50_{unit}": measured.quantile(0.5),
        f"p99_{unit}": measured.quantile(0.99),
        f"highest_{unit}": measured.highest if measured.count else None,
    }


def line_json(line: Line) -> JSON:
    """Return the figures of one access, or of all together (access "").

    Under `counters` stands how often each reason was, or, where something was measured,
    what it came to: `bytes` in bytes, the `ms` of `load` and `lag` in milliseconds.
    """
    loads = line.measured("load", "ms")
    return {
        "access": line.scope,
        "reads": line.reads,
        "hits": line.count("hit"),
        "hit_share": line.hit_share,
        "near": line.of("hit")["near"],
        "empty": line.count("empty"),
        "misses": line.count("miss"),
        "bypasses": line.count("bypass"),
        "stored": line.of("fill")["stored"],
        "refused": line.count("refused"),
        "forgotten": line.count("forgot"),
        "forgotten_whole": line.count("forgot_all"),
        "loads": loads.count,
        "load_p50_ms": loads.quantile(0.5),
        "load_p99_ms": loads.quantile(0.99),
        "verified": line.verified,
        "stale": line.stale,
        "counters": {
            counter: _amounts(line, counter)
            for counter, reasons in line.reasons.items()
            if reasons.total() and not counter.endswith(SUFFIX)
        },
    }


def _amounts(line: Line, counter: str) -> JSON:
    return {
        reason: line.sums.get((counter, reason), count)
        for reason, count in line.of(counter).items()
    }
