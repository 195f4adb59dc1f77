"""Deleting: names entries of rows that are about to go, each one and those of a cascade."""

from __future__ import annotations

from typing import Any, Final

from django.db import models

from workflow_engine.receivers.rows import in_memory, key_of, select
from workflow_engine.receivers.watch import Model, Watch

KIND: Final = "delete"


def before_delete(
    watch: Watch,
    *,
    sender: Model,
    instance: models.Model,
    using: str,
    origin: models.Model | models.QuerySet[Any] | None = None,
    **_: Any,
) -> None:
    """Note the row; Django deletes in a transaction of its own.

    What Django has just read is taken as it is. The instance that `delete` was called on
    may be an old one, so its row is asked for.
    """
    hook = watch.hook(using)
    for watched in watch.of(sender):
        began_here = _began_with(origin, watched.table)
        named = watched if began_here else watched.without_owned()
        if not named.questions:
            continue
        is_old = began_here and not isinstance(origin, models.QuerySet)
        row = None
        if watched.is_keyed_alone or not is_old:
            row = in_memory(named, instance)
        cause = named.cause(KIND)
        with hook.guard(named.questions, cause):
            key = key_of(named, instance)
            rows = [row] if row is not None else select(named, hook, [key])
            hook.add_rows(named.questions, named.model, rows, cause)
            hook.name_rows([key], cause)


def _began_with(origin: Any, table: Model) -> bool:
    """Whether rows of a table were to be deleted, not only what refers to others."""
    if origin is None:
        return True
    model = origin.model if isinstance(origin, models.QuerySet) else type(origin)
    return issubclass(model, table)
