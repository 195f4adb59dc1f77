"""Bulk: names entries of the rows that an announced QuerySet writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db import models

from workflow_engine.caches.coherence.hook import Hook
from workflow_engine.caches.entries import MOST_KEYS
from workflow_engine.receivers.rows import in_memory, key_of, select
from workflow_engine.receivers.watch import Model, Watch, Watched

KIND: Final = "bulk"


def before_bulk(
    watch: Watch, *, sender: Model, ids: Sequence[Any], using: str, **_: Any
) -> None:
    """Note the old rows; a QuerySet announces in a transaction."""
    hook = watch.hook(using)
    for watched in watch.of(sender):
        _note(hook, watched, sender, ids)


def after_bulk(
    watch: Watch,
    *,
    sender: Model,
    ids: Sequence[Any],
    rows: Sequence[models.Model],
    using: str,
    **_: Any,
) -> None:
    """Note the new rows, also those whose keys only the database knows."""
    hook = watch.hook(using)
    for watched in watch.of(sender):
        _note(hook, watched, sender, ids)
        without_key = [row for row in rows if key_of(watched, row) is None]
        if without_key:
            _note_without_key(hook, watched, without_key)


def _note(hook: Hook, watched: Watched, sender: Model, ids: Sequence[Any]) -> None:
    cause = watched.cause(KIND)
    hook.name_rows(ids, cause)
    if len(ids) > MOST_KEYS:
        hook.add_all(watched.questions, cause)
        return
    with hook.guard(watched.questions, cause):
        rows = select(watched, hook, ids, through=sender)
        hook.add_rows(watched.questions, watched.model, rows, cause)


def _note_without_key(
    hook: Hook, watched: Watched, instances: Sequence[models.Model]
) -> None:
    """Note rows as they were handed over: conflicts were ignored, so keys are unknown."""
    cause = watched.cause(KIND)
    for question in watched.questions:
        own = Watched(watched.model, (question,))
        if own.resolves and own.is_keyed_alone:
            continue  # nothing can refer to a row that is new
        rows = [in_memory(own, instance) for instance in instances]
        known = [row for row in rows if row is not None]
        if len(known) < len(rows) or any(
            one.primary_key for one in own.fields.values()
        ):
            hook.add_all(own.questions, cause)
            continue
        with hook.guard(own.questions, cause):
            hook.add_rows(own.questions, watched.model, known, cause)
