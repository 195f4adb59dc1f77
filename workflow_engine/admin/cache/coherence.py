"""Coherence: whether answers were right, and what is still owed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from workflow_engine.admin.cache.headline import known
from workflow_engine.admin.moments import EMPTY
from workflow_engine.admin.numbers import number
from workflow_engine.admin.shown import count_shown, shown, span_shown
from workflow_engine.metrics.lines import Line
from workflow_engine.status.cache_figures import CacheFigures
from workflow_engine.status.modes import USUAL
from workflow_engine.types.sizes import size_text
from workflow_engine.types.spans import span_text


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One line.

    Attributes:
        label: What it is about.
        text: What is so.
        is_bad: Whether somebody should look.
    """

    label: str
    text: Any
    is_bad: bool = False


def facts(figures: CacheFigures, line: Line) -> Iterator[Fact]:
    """Yield what is known of one access or of all; what is owed is of all."""
    yield _compared(line)
    dropped = line.of("verify")["dropped"] + line.of("shadow")["dropped"]
    if dropped:
        words = _("{}: more waited than one thread compares")
        text = format_html(words, count_shown("dropped", dropped))
        yield Fact(label=_("Compared, dropped"), text=text)
    lag = figures.lag
    yield Fact(
        label=_("From commit to forgotten"),
        text=format_html(
            _("half within {}, 99 % within {}"),
            span_shown("lag_p50_ms", lag.quantile(0.5)),
            span_shown("lag_p99_ms", lag.quantile(0.99)),
        ),
    )
    if figures.alias is not None:
        yield _owed(figures)
        yield _given_up(figures)
    errors = figures.total.of("error")
    if errors.total():
        kinds = ", ".join(f"{name} {number(n)}" for name, n in errors.most_common())
        yield Fact(label=_("Errors"), text=kinds, is_bad=True)


def traffic_facts(line: Line, *, is_counted: bool) -> Iterator[Fact]:
    """Yield what of one access or of all went to Redis and came from there."""

    def permits(reason: str) -> SafeString:
        number = known(line.of("permit")[reason], is_counted=is_counted)
        return count_shown(f"permits_{reason}", number)

    def size(reason: str) -> SafeString:
        of = line.measured("bytes", reason)
        is_known = is_counted or of.count
        text = size_text(of.total) if is_known else EMPTY
        return shown(f"bytes_{reason}", of.total if is_known else None, text)

    yield Fact(
        label=_("Permits"),
        text=format_html(
            _("{} taken, {} waited for another reader"),
            permits("taken"),
            permits("waited"),
        ),
    )
    yield Fact(
        label=_("Bytes"),
        text=format_html(_("read {}, stored {}"), size("read"), size("stored")),
    )


def store_facts(figures: CacheFigures) -> Iterator[Fact]:
    """Yield where entries are kept, and in which mode the accesses run."""
    if figures.alias is None:
        words = _(
            "the memory of each process; a number in the database vouches for entries"
        )
    else:
        words = format_html(_("Redis, cache alias <code>{}</code>"), figures.alias)
    yield Fact(label=_("Store"), text=words)
    for mode in sorted({*figures.modes.values()}):
        names = [name for name, its in figures.modes.items() if its == mode]
        everywhere = len(names) == len(figures.modes)
        text = mode if everywhere else f"{mode}: {', '.join(names)}"
        yield Fact(label=_("Mode"), text=text, is_bad=mode != USUAL)


def _compared(line: Line) -> Fact:
    is_known = bool(line.verified or line.stale)
    return Fact(
        label=_("Compared with the database"),
        text=format_html(
            ngettext(
                "{} answer, {} stale", "{} answers, {} of them stale", line.verified
            ),
            count_shown("verified", line.verified if is_known else None),
            count_shown("verified_stale", line.stale if is_known else None),
        ),
        is_bad=bool(line.stale),
    )


def _owed(figures: CacheFigures) -> Fact:
    debt, label = figures.debt, _("Owed by the outbox")
    if debt is None:
        words = _("this database has no outbox: only signals and age forget entries")
        return Fact(label=label, text=words, is_bad=True)
    seconds = debt.oldest_seconds
    if seconds is None:
        text = format_html(_("{} rows"), count_shown("owed_rows", debt.rows))
        return Fact(label=label, text=text)
    age = shown(
        "outbox_oldest_seconds",
        seconds,
        span_text(seconds),
    )
    return Fact(
        label=label,
        text=format_html(
            ngettext("{} row, {} old", "{} rows, the oldest {} old", debt.rows),
            count_shown("owed_rows", debt.rows),
            age,
        ),
        is_bad=debt.is_old,
    )


def _given_up(figures: CacheFigures) -> Fact:
    sources, tripped = figures.sources, figures.total.of("breaker")["tripped"]
    return Fact(
        label=_("Cache given up"),
        text=format_html(
            ngettext(
                "now by {} of {} process, {} times in this window",
                "now by {} of {} processes, {} times in this window",
                sources.living,
            ),
            count_shown("given_up", sources.given_up),
            count_shown("processes", sources.living),
            count_shown("tripped", tripped),
        ),
        is_bad=bool(sources.given_up),
    )
