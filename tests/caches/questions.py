"""Questions that need no rows of ours."""

from __future__ import annotations

from django.db import models

from workflow_engine.caches import CacheAccess, CacheMapping, Direct
from workflow_engine.caches.declared import Declared


def numbers(
    name: str, *depends_on: type[models.Model], among: Declared | None = None
) -> CacheAccess[int, int]:
    """Return a question whose answer is its key; spoiled by a row of the same key."""
    return CacheAccess(
        CacheMapping(name, str),
        load=lambda keys: {key: key for key in keys},
        depends_on={
            model: Direct(("id",), lambda row: {row["id"]}) for model in depends_on
        },
        value_type=int,
        among=Declared() if among is None else among,
    )
