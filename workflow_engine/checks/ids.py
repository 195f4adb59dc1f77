"""Ids: how a check is named, so that a project can silence it."""

from __future__ import annotations

from typing import Final

LABEL: Final = "workflow_engine"


def id_of(number: str) -> str:
    """Return the whole id of a check."""
    return f"{LABEL}.{number}"
