"""Connect: which signal of which class is heard by which receiver."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from django.apps import AppConfig
from django.db.models.signals import (
    m2m_changed,
    post_migrate,
    post_save,
    pre_delete,
    pre_save,
)
from django.dispatch import Signal

from workflow_engine.caches.coherence import Coherence
from workflow_engine.caches.coherence import current as of_process
from workflow_engine.caches.declared import Declared
from workflow_engine.caches.declared import declared as all_declared
from workflow_engine.models.rules import rows_changed, rows_will_change
from workflow_engine.receivers.bulk import after_bulk, before_bulk
from workflow_engine.receivers.deleting import before_delete
from workflow_engine.receivers.linking import around_link, before_end_deleted, ends
from workflow_engine.receivers.migrating import after_migrate
from workflow_engine.receivers.saving import after_save, before_save
from workflow_engine.receivers.watch import Model, Watch, family

#: Heard for every watched model, its proxies and its children. Never without a sender:
#: that would switch off Django's fast deletes for every model of the project.
RECEIVERS: Final[tuple[tuple[Signal, Callable[..., None]], ...]] = (
    (pre_save, before_save),
    (post_save, after_save),
    (pre_delete, before_delete),
    (m2m_changed, around_link),
    (rows_will_change, before_bulk),
    (rows_changed, after_bulk),
)


def connect(
    declared: Declared = all_declared,
    current: Callable[[], Coherence] = of_process,
) -> None:
    """Hear of what is written to every model that a question depends on.

    What is connected already stays as it is, so this may be called again when questions or
    models came to be later.
    """
    watch = Watch(declared, current)
    for sender in _senders(declared):
        for signal, receiver in RECEIVERS:
            signal.connect(
                partial(receiver, watch),
                sender=sender,
                weak=False,
                dispatch_uid=_uid(receiver),
            )
    for through, end in _ends(declared):
        pre_delete.connect(
            partial(before_end_deleted, watch, through),
            sender=end,
            weak=False,
            dispatch_uid=_uid(before_end_deleted, through),
        )


def connect_migrate(
    config: AppConfig,
    declared: Declared = all_declared,
    current: Callable[[], Coherence] = of_process,
) -> None:
    """Hear of the end of `migrate`; a model as sender would never be heard."""
    post_migrate.connect(
        partial(after_migrate, Watch(declared, current)),
        sender=config,
        weak=False,
        dispatch_uid=_uid(after_migrate),
    )


def disconnect(declared: Declared = all_declared) -> None:
    """Hear no longer of what is written."""
    for sender in _senders(declared):
        for signal, receiver in RECEIVERS:
            signal.disconnect(sender=sender, dispatch_uid=_uid(receiver))
    for through, end in _ends(declared):
        uid = _uid(before_end_deleted, through)
        pre_delete.disconnect(sender=end, dispatch_uid=uid)


def _senders(declared: Declared) -> Iterator[Model]:
    senders = (sender for model in declared.models() for sender in family(model))
    return iter(dict.fromkeys(senders))


def _ends(declared: Declared) -> Iterator[tuple[Model, Model]]:
    """Yield links without a model of their own, with each model they end at."""
    for through in declared.models():
        if through._meta.auto_created:
            for field in ends(through):
                for end in family(field.related_model):
                    yield through, end


def _uid(receiver: Callable[..., Any], of: Model | None = None) -> str:
    suffix = "" if of is None else f".{of._meta.label_lower}"
    return f"workflow_engine.cache.{receiver.__name__}{suffix}"
