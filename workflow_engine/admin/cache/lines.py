"""Lines: the table of the accesses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from workflow_engine.admin.cache.headline import known
from workflow_engine.admin.cache.words import whole_words
from workflow_engine.admin.charts.markup import joined
from workflow_engine.admin.shown import count_shown, measured_shown, share_shown
from workflow_engine.metrics.lines import Line
from workflow_engine.status.modes import USUAL

#: Heading and meaning of each column.
COLUMNS: Final[tuple[tuple[Any, Any], ...]] = (
    (_("reads"), _("Keys asked for: hits, misses and bypasses together.")),
    (
        _("hits"),
        _(
            'Share of the reads that the cache answered. "Nothing applies" is an answer.'
        ),
    ),
    (
        _("near"),
        _("Share of the reads answered by a copy in the process, vouched for."),
    ),
    (_("empty"), _('Share of the reads whose answer was "nothing applies".')),
    (_("misses"), _("Reads for which the database was asked and the answer stored.")),
    (_("bypassed"), _("Reads that went past the cache to the database.")),
    (_("refused"), _("Answers that were loaded and could not be stored.")),
    (_("load p50 ms"), _("Half of the loads took at most so many milliseconds.")),
    (_("load p99 ms"), _("99 of 100 loads took at most so many milliseconds.")),
    (_("forgotten"), _("Entries forgotten, mostly because rows changed.")),
    (_("stale"), _("Answers that differed from the database, of those compared.")),
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One access.

    Attributes:
        access: Its name; "" = all together.
        query: Leads to its own page.
        is_chosen: Whether the page is about it.
        mode: Unless it is the usual one.
        cells: One for each of COLUMNS.
    """

    access: str
    query: str
    is_chosen: bool
    mode: str
    cells: tuple[Any, ...]


def row_of(
    line: Line, *, query: str, chosen: str, mode: str = USUAL, is_counted: bool
) -> Row:
    """Return a row of the table."""
    return Row(
        access=line.scope,
        query=query,
        is_chosen=bool(line.scope) and line.scope == chosen,
        mode="" if mode == USUAL else mode,
        cells=tuple(_cells(line, is_counted=is_counted)),
    )


def _cells(line: Line, *, is_counted: bool) -> Iterator[Any]:
    prefix = line.scope or "all"

    def count(name: str, value: int) -> SafeString:
        return count_shown(f"{prefix}.{name}", known(value, is_counted=is_counted))

    loads = line.measured("load", "ms")
    yield count("reads", line.reads)
    yield share_shown(f"{prefix}.hit_share", line.hit_share)
    yield share_shown(f"{prefix}.near_share", line.share(line.of("hit")["near"]))
    yield share_shown(f"{prefix}.empty_share", line.share(line.count("empty")))
    yield count("misses", line.count("miss"))
    yield count("bypasses", line.count("bypass"))
    yield count("refused", line.count("refused"))
    yield measured_shown(f"{prefix}.load_p50_ms", loads.quantile(0.5))
    yield measured_shown(f"{prefix}.load_p99_ms", loads.quantile(0.99))
    whole = line.count("forgot_all")
    words = f" + {whole_words(whole)}" if whole else ""
    yield joined(count("forgotten", line.count("forgot")), words)
    is_compared = bool(line.verified or line.stale)
    yield count_shown(f"{prefix}.stale", line.stale if is_compared else None)
