"""Saving: names entries of the row before a save and after it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from django.db import models

from workflow_engine.caches.coherence.hook import Hook
from workflow_engine.caches.database import in_transaction
from workflow_engine.caches.mapping import Row
from workflow_engine.receivers.rows import in_memory, key_of, select
from workflow_engine.receivers.watch import Model, Watch, Watched

KIND: Final = "save"

#: Of `instance._state`, between the two signals of one save.
_NAME: Final = "_workflow_engine_before"


class _Before:
    """What is known before a save; a copy of the instance does not take it along."""

    def __init__(self, hook: Hook) -> None:
        self.hook = hook
        self.rows: dict[Model, Row] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()


def before_save(
    watch: Watch, *, sender: Model, instance: models.Model, using: str, **_: Any
) -> None:
    """Note the old row. It says nothing yet: in autocommit a reader would be too early."""
    before = _Before(watch.hook(using))
    for watched in watch.of(sender):
        _note_old(before, watched, instance)
    vars(instance._state)[_NAME] = before  # noqa: SLF001 - where Django keeps such things


def after_save(
    watch: Watch,
    *,
    sender: Model,
    instance: models.Model,
    using: str,
    update_fields: Collection[str] | None,
    **_: Any,
) -> None:
    """Note the new row, and outside of a transaction forget at once."""
    before = vars(instance._state).pop(_NAME, None)  # noqa: SLF001 - see above
    if before is None:
        before = _Before(watch.hook(using))
    for watched in watch.of(sender):
        _note_new(before, watched, instance, update_fields)
    if not in_transaction(using):
        before.hook()


def _note_old(before: _Before, watched: Watched, instance: models.Model) -> None:
    key = key_of(watched, instance)
    if key is None:
        return  # the database will give one: there is no old row
    hook, questions = before.hook, watched.questions
    if watched.is_keyed_alone and not watched.resolves:
        return  # the new row says the same
    cause = watched.cause(KIND)
    with hook.guard(questions, cause):
        row = in_memory(watched, instance) if watched.is_keyed_alone else None
        rows = [row] if row else select(watched, hook, [key])
        for old in rows:
            before.rows[watched.model] = old
        hook.add_rows(questions, watched.model, rows, cause)


def _note_new(
    before: _Before,
    watched: Watched,
    instance: models.Model,
    written: Collection[str] | None,
) -> None:
    hook, questions = before.hook, watched.questions
    old = before.rows.get(watched.model)
    row = in_memory(watched, instance, old=old, written=written)
    # Nothing can refer yet to a row that is new in this transaction.
    is_new = old is None and watched.is_keyed_alone
    cause = watched.cause(KIND)
    with hook.guard(questions, cause):
        key = key_of(watched, instance)
        rows = [row] if row is not None else select(watched, hook, [key])
        is_committed = is_new or not in_transaction(hook.using)
        hook.add_rows(questions, watched.model, rows, cause, is_committed=is_committed)
        hook.name_rows([key], cause)
