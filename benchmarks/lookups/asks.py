"""Asks: how each contender is asked, made in the process that it lives in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from benchmarks.lookups import database, keyed, limits
from benchmarks.lookups.answers import Ask
from workflow_engine.lookups import workflows_for_detectors


def _ours() -> Ask:
    return workflows_for_detectors


def _orm() -> Ask:
    return database.ask_orm


MADE_BY: Final[Mapping[str, Callable[[], Ask]]] = {
    **dict.fromkeys(("l2", "exact", "near", "rows_postgres", "rows_sqlite"), _ours),
    # The last two are the same queries, in a process where the ORM caches them.
    **dict.fromkeys(("orm_postgres", "orm_sqlite", "cacheops", "cachalot"), _orm),
    "prepared": database.prepared,
    "modelsets": partial(keyed.get_many, "redis_models", keyed.ask_models),
    "modelsets_loop": partial(keyed.get_loop, "redis_models", keyed.ask_models),
    "tuples": partial(keyed.get_many, "redis_tuples", keyed.ask_tuples),
    "tuples_loop": partial(keyed.get_loop, "redis_tuples", keyed.ask_tuples),
    "locmem_models": partial(keyed.get_many, "locmem_models", keyed.ask_models),
    "locmem_tuples": partial(keyed.get_many, "locmem_tuples", keyed.ask_tuples),
    "dogpile": keyed.dogpile,
    "dict": limits.in_dicts,
    "ready": limits.ready,
}
