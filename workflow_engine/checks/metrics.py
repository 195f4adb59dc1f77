"""Metrics: what `manage.py check` says of who may read them, and whether anybody can."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.core.checks import CheckMessage, Info, register
from django.core.checks import Warning as CheckWarning

from workflow_engine import conf
from workflow_engine.checks.ids import LABEL, id_of
from workflow_engine.conf import options
from workflow_engine.export.text import is_installed

#: 16 random letters and digits are more than anybody tries over a network.
SHORTEST_TOKEN: Final = 16


@register(LABEL)
def check_client(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[CheckMessage]:
    """I001: metrics that somebody means to scrape, for a token is set, and cannot."""
    if conf.problems() or options.METRICS_TOKEN is None or is_installed():
        return []
    message = "prometheus-client is not installed; /metrics answers 404."
    hint = 'pip install "django-detector-workflows[prometheus]"'
    return [Info(message, hint=hint, id=id_of("I001"))]


@register(LABEL, deploy=True)
def check_token(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[CheckMessage]:
    """W010: a token that can be guessed."""
    token = "" if conf.problems() else options.METRICS_TOKEN or ""
    if not 0 < len(token) < SHORTEST_TOKEN:
        return []
    message = (
        f"METRICS_TOKEN is shorter than {SHORTEST_TOKEN} characters: it can be guessed."
    )
    hint = 'python -c "import secrets; print(secrets.token_urlsafe(32))"'
    return [CheckWarning(message, hint=hint, id=id_of("W010"))]
