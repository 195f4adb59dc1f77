"""Families: everything that is exported, read at one moment."""

from __future__ import annotations

from datetime import datetime

from workflow_engine.caches import declared
from workflow_engine.conf import options
from workflow_engine.export.counted import counted
from workflow_engine.export.family import Family
from workflow_engine.export.standing import standing
from workflow_engine.metrics.reading import figures_ever


def read_families(using: str, now: datetime) -> list[Family]:
    """Return every family, always the same ones in the same order; six queries at most.

    Raises:
        django.db.Error: The database does not answer, or was never migrated.
    """
    accesses = tuple(one.name for one in declared) if options.METRICS else ()
    return [*counted(figures_ever(using), accesses), *standing(using, now)]
