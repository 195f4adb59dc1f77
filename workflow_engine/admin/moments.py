"""Moment: a point in time as a page shows it, in the viewer's zone with UTC on hover."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib import admin
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

EMPTY: Final = "-"

_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def moment(at: datetime | None) -> str:
    """Return a moment as a `time` element, to the second; "-" when there is none."""
    if at is None:
        return EMPTY
    utc = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}"><span>{}</span> <span>{}</span></time>',
        utc.isoformat(),
        f"{utc:%Y-%m-%d %H:%M:%S} UTC",
        *f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S}".split(),
    )


def moment_column(field: str, title: Any) -> Callable[[Any, Any], str]:
    """Return a method of a page that shows a moment of a row."""

    @admin.display(description=title, empty_value=EMPTY)
    def column(_page: Any, row: Any) -> str:
        return moment(getattr(row, field))

    column.__name__ = f"{field}_shown"
    return column


def duration(seconds: int) -> str:
    """Return whole seconds in at most two units: "30 min", "1 h 30 min", "5 s"."""
    parts: list[str] = []
    rest = seconds
    for size, unit in _UNITS:
        if rest >= size and len(parts) < 2:  # noqa: PLR2004 - two units are enough
            parts.append(f"{rest // size} {_(unit)}")
            rest %= size
    return " ".join(parts) or f"0 {_('s')}"
