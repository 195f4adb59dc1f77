"""Markup: elements as texts, every value in them escaped."""

from __future__ import annotations

import html

from django.utils.html import conditional_escape
from django.utils.safestring import SafeString


def element(name: str, *inside: object, **attributes: object) -> SafeString:
    """Return an element; what is inside is escaped unless it is markup already.

    In the names of attributes an underscore stands for "-", and one at the end for nothing.
    Those that are None or "" are left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{plain(value)}"'
        for key, value in attributes.items()
        if value is not None and value != ""
    )
    return SafeString(f"<{name}{given}>{joined(*inside)}</{name}>")


def joined(*parts: object) -> SafeString:
    """Return parts one after the other, each escaped unless it is markup already."""
    return SafeString("".join(map(plain, parts)))


def per_cent(place: float) -> str:
    """Return a place of 0 to 1 as a length of SVG."""
    return f"{100 * place:.4g}%"


def plain(value: object) -> SafeString:
    """Return a value as markup; a chart has thousands, so the usual ones come first."""
    if type(value) is SafeString:
        return value
    if type(value) is str:
        return SafeString(html.escape(value))
    return SafeString(conditional_escape(str(value)))
