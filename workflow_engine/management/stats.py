"""Stats: the figures of look-ups as lines of text, for the command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from workflow_engine.metrics.lines import Line
from workflow_engine.status.part import NOTHING, grouped
from workflow_engine.types.sizes import size_text

HEADINGS: Final = (
    "access",
    "reads",
    "hits",
    "near",
    "empty",
    "miss",
    "bypass",
    "refused",
    "forgotten",
    "load p50",
    "p99",
    "stale",
)
#: The counters whose reasons are told, and what of.
WHY: Final = {
    "miss": "misses",
    "bypass": "bypasses",
    "refused": "refused",
    "forgot": "forgotten",
    "forgot_all": "forgotten whole",
    "permit": "permits",
    "verify": "verified",
    "shadow": "shadow",
    "error": "errors",
    "breaker": "breaker",
}


def table(lines: Sequence[Line], total: Line) -> Iterator[str]:
    """Yield the table, and below it what happened in total, and why."""
    rows = [HEADINGS, *map(_cells, lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = (c.rjust(w) for c, w in zip(others, widths[1:], strict=True))
        yield "  ".join((first.ljust(widths[0]), *cells))
    for counter, title in WHY.items():
        reasons = total.of(counter)
        if reasons.total():
            told = " · ".join(f"{why} {grouped(n)}" for why, n in reasons.most_common())
            yield f"{title}: {told}"
    sizes = total.of("bytes")
    if sizes.total():
        told = " · ".join(
            f"{way} {size_text(total.measured('bytes', way).total)}"
            for way in sorted(sizes)
        )
        yield f"bytes: {told}"
    lag = total.measured("lag")
    if lag.count:
        told = f"p50 {_milliseconds(lag.quantile(0.5))}"
        yield f"commit to forgotten: {told} · p99 {_milliseconds(lag.quantile(0.99))}"


def _cells(line: Line) -> list[str]:
    """Return the line of the table, in the order of HEADINGS."""
    loads = line.measured("load", "ms")
    return [
        line.scope,
        grouped(line.reads),
        _share(line, line.count("hit")),
        _share(line, line.of("hit")["near"]),
        _share(line, line.count("empty")),
        grouped(line.count("miss")),
        grouped(line.count("bypass")),
        grouped(line.count("refused")),
        grouped(line.count("forgot")),
        _milliseconds(loads.quantile(0.5)),
        _milliseconds(loads.quantile(0.99)),
        NOTHING if line.stale is None else grouped(line.stale),
    ]


def _share(line: Line, count: int) -> str:
    share = line.share(count)
    return NOTHING if share is None else f"{100 * share:.1f} %"


def _milliseconds(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1f} ms"
