"""Shown: a number on a page, as people read it and as it is."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString

from workflow_engine.admin.numbers import measured, number, share, span


def shown(name: str, value: float | None, text: str) -> SafeString:
    """Return a `data` element: found by its name, and exact where the text is rounded.

    Its value is empty where the text is "-", because nothing is known.
    """
    exact = "" if value is None else f"{value:.12g}"
    markup = '<data data-figure="{}" value="{}">{}</data>'
    return format_html(markup, name, exact, text)


def count_shown(name: str, value: int | None) -> SafeString:
    """Return how many."""
    return shown(name, value, number(value))


def share_shown(name: str, value: float | None) -> SafeString:
    """Return a share of 0 to 1, in per cent."""
    return shown(name, value, share(value))


def span_shown(name: str, milliseconds: float | None) -> SafeString:
    """Return how long something took; its value is in milliseconds."""
    return shown(name, milliseconds, span(milliseconds))


def measured_shown(name: str, value: float | None) -> SafeString:
    """Return what was measured, in the unit that its heading says."""
    return shown(name, value, measured(value))
