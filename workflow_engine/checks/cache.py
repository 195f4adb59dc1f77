"""Cache: what `manage.py check` says of the cache behind the look-ups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.apps import AppConfig
from django.core.cache import caches
from django.core.checks import CheckMessage, Error, Info, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import connections

from workflow_engine import conf
from workflow_engine.caches import declared
from workflow_engine.checks.ids import LABEL, id_of
from workflow_engine.conf import options
from workflow_engine.models import CacheOutbox
from workflow_engine.models.cache_triggers import WATCHED, missing

#: By option of django-redis, what redis-py calls it in CONNECTION_POOL_KWARGS.
TIME_OUTS: Final = {
    "SOCKET_CONNECT_TIMEOUT": "socket_connect_timeout",
    "SOCKET_TIMEOUT": "socket_timeout",
}


@register(LABEL)
def check_cache(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[CheckMessage]:
    """E003 of CACHE_MODE, E013, W005, W006, I002 and I003: what weakens the look-ups."""
    if conf.problems():
        return []
    return [*_modes(), *_unwatched(), *_warnings(), *_notes()]


def _unwatched() -> Iterator[CheckMessage]:
    for model in declared.models():
        if model not in WATCHED:
            names = ", ".join(one.name for one in declared.spoiled_by(model))
            yield Error(
                f"{names} depends on {model._meta.label}, whose changes no database trigger "
                "of this app records: answers would grow stale.",
                hint="A cached question may depend on the rules of workflow_engine only.",
                id=id_of("E013"),
            )


def _modes() -> Iterator[CheckMessage]:
    known = [question.name for question in declared]
    mode = options.CACHE_MODE
    for name in mode if isinstance(mode, dict) else ():
        if name not in known:
            yield Error(
                f"{conf.NAME}['CACHE_MODE'] names the access '{name}', which is not there.",
                hint=f"Known: {', '.join(known)}.",
                id=id_of("E003"),
            )


def _warnings() -> Iterator[CheckMessage]:
    alias = options.CACHE_ALIAS
    if alias is None:
        return
    if not _has_time_outs(caches.settings[alias].get("OPTIONS", {})):
        yield CheckWarning(
            f"Cache alias '{alias}' has no socket time-out: "
            "a hung Redis would hang every look-up.",
            hint="OPTIONS: SOCKET_TIMEOUT 0.2, SOCKET_CONNECT_TIMEOUT 0.2",
            id=id_of("W005"),
        )
    if connections[options.DATABASE].vendor == "sqlite":
        yield CheckWarning(
            f"CACHE_ALIAS is set but database '{options.DATABASE}' is SQLite: "
            "only signals and the life of an entry forget.",
            hint="Remove CACHE_ALIAS (the process store is exact), or use PostgreSQL.",
            id=id_of("W006"),
        )


def _has_time_outs(given: dict[str, Any]) -> bool:
    pool = given.get("CONNECTION_POOL_KWARGS", {})
    return all(given.get(ours) or pool.get(its) for ours, its in TIME_OUTS.items())


def _notes() -> Iterator[CheckMessage]:
    on_postgres = connections[options.DATABASE].vendor == "postgresql"
    if options.CACHE_ALIAS is None and on_postgres:
        for alias, entry in caches.settings.items():
            if str(entry.get("BACKEND")) == conf.REDIS_CACHE:
                yield Info(
                    "CACHES has a django-redis entry but CACHE_ALIAS is not set.",
                    hint=f'{conf.NAME} = {{"CACHE_ALIAS": "{alias}"}}',
                    id=id_of("I002"),
                )
                break
    seconds = options.NEAR_MAX_STALENESS
    if seconds:
        yield Info(
            f"NEAR_MAX_STALENESS is {seconds}: answers may be {seconds} s older than "
            "C1 and C2 promise.",
            hint="0",
            id=id_of("I003"),
        )


@register(Tags.database)
def check_triggers(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **_: Any,
) -> list[CheckMessage]:
    """E012: a table whose changes would go unnoticed.

    A warning, since `migrate` puts it right and would itself be refused by an error.
    """
    using = options.DATABASE
    if conf.problems() or using not in (databases or ()):
        return []
    tables = connections[using].introspection.table_names()
    if CacheOutbox._meta.db_table not in tables:
        return []  # not migrated yet
    return [
        CheckWarning(
            f"The database trigger of table {table} is missing or disabled.",
            hint="python manage.py migrate workflow_engine",
            id=id_of("E012"),
        )
        for table in missing(using)
        if table in tables
    ]
