"""Look-ups: how they fared of late in all processes, whether they were right, what is owed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connections

from workflow_engine.conf import options
from workflow_engine.metrics.lines import Line, line_of, of_look_ups
from workflow_engine.metrics.reading import figures_in
from workflow_engine.metrics.sources import Sources, read_sources
from workflow_engine.metrics.windows import Window, window_over
from workflow_engine.status import processes
from workflow_engine.status.debt import Debt, read_debt
from workflow_engine.status.in_json import sources_json
from workflow_engine.status.modes import USUAL, modes
from workflow_engine.status.part import (
    NOTHING,
    Level,
    Part,
    Remark,
    counted,
    grouped,
)
from workflow_engine.types.spans import span_text

WINDOW: Final = timedelta(minutes=60)

STATS: Final = "python manage.py workflow_cache stats"
VERIFY: Final = "python manage.py workflow_cache verify --all"
SWEEP: Final = "python manage.py workflow_queue"
UNRECORDED: Final = "no outbox: only signals and the life of an entry forget"


@dataclass(frozen=True, kw_only=True)
class LookUps:
    """What was found.

    Attributes:
        figures: Of all accesses together, in the window.
        debt: What the outbox owes; None = there is none to this process.
        is_recorded: Whether the database writes down what is owed, if anything is.
        modes: By name of the access.
        sources: The processes that write figures.
    """

    figures: Line
    debt: Debt | None
    is_recorded: bool
    modes: Mapping[str, str]
    sources: Sources


def window_to(now: datetime) -> Window:
    """Return the window that is looked at."""
    return window_over("60 min", WINDOW, now)


def read(
    using: str,
    now: datetime,
    *,
    figures: Line | None = None,
    sources: Sources | None = None,
) -> LookUps:
    """Return how look-ups fared up to a moment; two queries, three with Redis.

    Args:
        using: Alias of the database.
        now: The moment.
        figures: Of all accesses together in `window_to(now)`; None = they are read.
        sources: Those of the last hour; None = they are read.
    """
    if figures is None:
        figures = line_of(of_look_ups(figures_in(using, window_to(now))))
    is_shared = options.CACHE_ALIAS is not None
    is_recorded = connections[using].vendor == "postgresql"
    return LookUps(
        figures=figures,
        debt=read_debt(using) if is_shared and is_recorded else None,
        is_recorded=is_recorded or not is_shared,
        modes=modes(),
        sources=sources or read_sources(using, now),
    )


def judge(found: LookUps, *, is_server_there: bool) -> Part:
    """Return what is to be said of it."""
    share, checked = found.figures.hit_share, found.figures.verified
    stale = found.figures.stale
    return Part(
        name="look-ups",
        remarks=tuple(_remarks(found, is_server_there=is_server_there)),
        facts={
            "window_seconds": int(WINDOW.total_seconds()),
            "reads": found.figures.reads or None,
            "hit_share": share,
            "verified": checked or None,
            "stale": stale,
            "outbox": found.debt and found.debt.json(),
            "errors": dict(found.figures.of("error")),
            "closings": found.figures.of("breaker")["tripped"],
            "modes": dict(found.modes),
            "sources": sources_json(found.sources),
        },
    )


def _remarks(found: LookUps, *, is_server_there: bool) -> Iterator[Remark]:
    share = (
        NOTHING
        if found.figures.hit_share is None
        else f"{100 * found.figures.hit_share:.1f} %"
    )
    minutes = int(WINDOW.total_seconds() // 60)
    yield Remark(text=f"{share} hits in the last {minutes} min")
    yield _stale(found)
    if not options.METRICS:
        yield Remark(text="METRICS is off")
    if not found.is_recorded:
        yield Remark(text=UNRECORDED, level=Level.WARN)
    if found.debt is not None:
        yield _owed(found.debt, is_server_there=is_server_there)
    errors = found.figures.of("error")
    if errors:
        why = " · ".join(f"{name} {grouped(n)}" for name, n in errors.most_common())
        text = f"{counted(errors.total(), 'error')} ({why})"
        yield Remark(text=text, level=Level.WARN, cure=STATS)
    closings = found.figures.of("breaker")["tripped"]
    if closings:
        text = f"cache given up {counted(closings, 'time')}"
        yield Remark(text=text, level=Level.WARN, cure=STATS)
    yield from processes.remarks(found.sources)
    for mode in sorted({*found.modes.values()} - {USUAL}):
        names = (name for name, its in found.modes.items() if its == mode)
        yield Remark(text=f"{mode}: {' '.join(names)}", level=Level.WARN)


def _stale(found: LookUps) -> Remark:
    checked, stale = found.figures.verified, found.figures.stale
    if stale is None:
        return Remark(text=f"{NOTHING} stale of {NOTHING} verified")
    text = f"{grouped(stale)} stale of {grouped(checked)} verified"
    if not stale:
        return Remark(text=text)
    text += ", forgotten when found"
    return Remark(text=text, level=Level.ERROR, cure=VERIFY)


def _owed(debt: Debt, *, is_server_there: bool) -> Remark:
    if debt.oldest_seconds is None:
        return Remark(text="outbox empty")
    age = span_text(debt.oldest_seconds)
    text = f"outbox {counted(debt.rows, 'row')}, the oldest {age} old"
    if not debt.is_old:
        return Remark(text=text)
    if not is_server_there:
        return Remark(text=text, level=Level.WARN)
    return Remark(text=f"{text}: nobody sweeps", level=Level.WARN, cure=SWEEP)
