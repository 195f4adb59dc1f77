"""Current: the coherence of this process, made by the settings at its first use."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, Final

from django.core.signals import setting_changed

from workflow_engine.caches.coherence.base import Coherence
from workflow_engine.caches.coherence.cells import CellCoherence
from workflow_engine.caches.coherence.rows import RowCoherence
from workflow_engine.caches.declared import declared
from workflow_engine.conf import options

#: Knows the Redis client, which an install without Redis does not have.
REDIS_STORE: Final = "workflow_engine.caches.stores.redis"

_SETTINGS: Final = frozenset({"WORKFLOW_ENGINE", "CACHES", "DATABASES"})

_of_process: Final[list[Coherence]] = []


def current() -> Coherence:
    """Return the coherence of this process: on Redis with CACHE_ALIAS, else by rows."""
    if not _of_process:
        _of_process.append(_make())
    return _of_process[0]


def use_of_cache() -> str:
    """Return whether this process answers from Redis: used, given_up, or "".

    Given up is what was tried, or in use, and is closed after a failure; "" is a process
    that needs no Redis or has not tried yet. Makes nothing and asks nobody.
    """
    for one in _of_process:
        if isinstance(one, CellCoherence):
            if one.gate.is_open:
                return "used"
            return "given_up" if one.gate.is_given_up else ""
    return ""


def reset(**_: Any) -> None:
    """Begin anew: without near copies, connections or trust in the cache."""
    _of_process.clear()


def _make() -> Coherence:
    alias = options.CACHE_ALIAS
    if alias is None:
        return RowCoherence(options.DATABASE, declared)
    store = import_module(REDIS_STORE).RedisStore(alias)
    return CellCoherence(options.DATABASE, store, declared)


def _reset_when_ours(*, setting: str, **_: Any) -> None:
    if setting in _SETTINGS:
        reset()


setting_changed.connect(_reset_when_ours, dispatch_uid="workflow_engine.coherence")
os.register_at_fork(after_in_child=reset)
