"""Why: how often each reason was, with what it means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from workflow_engine.admin.cache.headline import known
from workflow_engine.admin.cache.words import (
    REASONS,
    cause_words,
    reason_words,
    whole_words,
)
from workflow_engine.admin.shown import count_shown
from workflow_engine.metrics.lines import Line

TITLES: Final[dict[str, Any]] = {
    "miss": _("Why misses"),
    "bypass": _("Why bypasses"),
    "refused": _("Why refusals"),
    "hit": _("Where hits came from"),
}


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One reason.

    Attributes:
        code: As in docs and exports.
        words: What it means; "" = nobody here knows.
        figure: How often.
        is_none: Whether it never was.
    """

    code: str
    words: str
    figure: SafeString
    is_none: bool = False


@dataclass(frozen=True, kw_only=True)
class Block:
    """The reasons of one counter."""

    counter: str
    title: Any
    reasons: tuple[Reason, ...]


def blocks(line: Line, *, is_counted: bool) -> Iterator[Block]:
    """Yield the counters, and of each every known reason, then others that were counted."""
    for counter, title in TITLES.items():
        counted = line.of(counter)
        codes = dict.fromkeys([*REASONS[counter], *sorted(counted)])
        reasons = (
            Reason(
                code=code or "-",
                words=reason_words(counter, code),
                figure=count_shown(
                    f"{counter}.{code}", known(counted[code], is_counted=is_counted)
                ),
                is_none=not counted[code],
            )
            for code in codes
        )
        yield Block(counter=counter, title=title, reasons=tuple(reasons))


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One cause of forgetting.

    Attributes:
        code: As in docs and exports.
        words: For people.
        entries: How many entries it let forget; "" = none, but all of an access.
        whole: How often all of an access, in words; "" = never.
    """

    code: str
    words: str
    entries: SafeString | str
    whole: str


def causes(line: Line) -> list[Cause]:
    """Return what entries were forgotten because of, the most frequent first."""
    some, whole = line.of("forgot"), line.of("forgot_all")
    codes = sorted({*some, *whole}, key=lambda one: (-some[one], -whole[one], one))
    return [
        Cause(
            code=code,
            words=cause_words(code),
            entries=count_shown(f"forgot.{code}", some[code]) if some[code] else "",
            whole=whole_words(whole[code]) if whole[code] else "",
        )
        for code in codes
        if some[code] or whole[code]
    ]
