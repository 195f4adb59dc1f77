"""Migrating: a schema or data migration may have changed anything unseen."""

from __future__ import annotations

from typing import Any, Final

from django.db import connections, transaction

from workflow_engine.caches.coherence.hook import all_of
from workflow_engine.caches.outbox import owe
from workflow_engine.conf import options
from workflow_engine.models import CacheGeneration, CacheOutbox
from workflow_engine.models.cache_triggers import install, missing
from workflow_engine.receivers.watch import Watch

CAUSE: Final = "migrate"


def after_migrate(watch: Watch, *, using: str, **_: Any) -> None:
    """Put back database triggers that are missing and forget everything.

    Without Redis at this moment it is owed by the outbox, so `migrate` succeeds.
    """
    if using != options.DATABASE or not _has_tables(using):
        return
    with transaction.atomic(using=using):
        if missing(using):
            install(using)
        _owe(watch, using)
        watch.hook(using).add(all_of(watch.declared), CAUSE)


def _has_tables(using: str) -> bool:
    return CacheOutbox._meta.db_table in connections[using].introspection.table_names()


def _owe(watch: Watch, using: str) -> None:
    """Owe everything to processes with Redis, and change the number for those without.

    On PostgreSQL a row of the outbox does both.
    """
    if connections[using].vendor != "postgresql":
        CacheGeneration.objects.using(using).renew()
        return
    owe(using, watch.declared.models())
