"""Modes: in which mode each access runs, as this process is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workflow_engine.caches import declared
from workflow_engine.conf import options

USUAL: Final = "enabled"


def modes() -> Mapping[str, str]:
    """Return the mode of each declared access, by its name."""
    mode = options.CACHE_MODE
    by_name: Mapping[str, str] = mode if isinstance(mode, dict) else {}
    usual = mode if isinstance(mode, str) else USUAL
    return {one.name: by_name.get(one.name, usual) for one in declared}
