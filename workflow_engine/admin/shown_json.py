"""Shown JSON: a stored value on a page, laid out, without secrets."""

from __future__ import annotations

import json
from typing import Any, Final

from django.utils.html import format_html
from django.utils.translation import gettext as _

from workflow_engine.admin.moments import EMPTY
from workflow_engine.processing.redact import redact

MOST_CHARACTERS: Final = 20_000  # of one value; a payload can hold 72 kB


def shown_json(value: Any) -> str:
    """Return a value as preformatted text; "-" for nothing."""
    if value in (None, "", [], {}):
        return EMPTY
    text = json.dumps(redact(value), ensure_ascii=False, indent=2, default=str)
    if len(text) > MOST_CHARACTERS:
        text = f"{text[:MOST_CHARACTERS]}\n… {_('cut here')}"
    return format_html('<pre class="wfe-json">{}</pre>', text)
