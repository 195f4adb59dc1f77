"""Migrating: a schema or data migration may have changed anything unseen."""

from __future__ import annotations

import logging
from typing import Any, Final

from django.db import Error as DatabaseError
from django.db import connections, transaction

from workflow_engine.caches.coherence.hook import all_of
from workflow_engine.caches.database import is_same
from workflow_engine.caches.outbox import owe
from workflow_engine.conf import options
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.models import CacheGeneration, CacheOutbox
from workflow_engine.models.cache_triggers import install, missing
from workflow_engine.receivers.watch import Watch

logger = logging.getLogger(__name__)

KIND: Final = "migrate"


def after_migrate(watch: Watch, *, using: str, **_: Any) -> None:
    """Put back database triggers that are missing and forget everything.

    Without Redis at this moment it is owed by the outbox, so `migrate` succeeds.
    """
    if not _is_ours(using):
        return
    with transaction.atomic(using=using):
        if missing(using):
            install(using)
        _owe(watch, using)
        watch.hook(using).add(all_of(watch.declared), KIND)


def _is_ours(using: str) -> bool:
    """Whether an alias leads to the tables of the rules, by whatever name.

    If that is not told it counts as theirs: what is forgotten in vain does no harm.
    """
    tables = connections[using].introspection.table_names()
    if CacheOutbox._meta.db_table not in tables:
        return False
    try:
        return is_same(using, options.DATABASE)
    except (CacheUnavailable, DatabaseError) as error:
        logger.warning(
            "Whether the rules were migrated is not known; everything is forgotten.",
            extra={"action": "migrate", "database": using, "error": str(error)},
        )
        return True


def _owe(watch: Watch, using: str) -> None:
    """Owe everything to processes with Redis, and change the number for those without.

    On PostgreSQL a row of the outbox does both.
    """
    if connections[using].vendor != "postgresql":
        CacheGeneration.objects.using(using).renew()
        return
    owe(using, watch.declared.models())
