"""Linking: names entries of the links that `add`, `remove`, `clear` and `set` write."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from django.db import models

from workflow_engine.receivers.rows import select
from workflow_engine.receivers.watch import Model, Watch

KIND: Final = "m2m"

#: At these moments the links are there: before they go, and after they came.
_MOMENTS: Final = frozenset({"post_add", "pre_remove", "pre_clear"})


def around_link(
    watch: Watch,
    *,
    sender: Model,
    action: str,
    instance: models.Model,
    using: str,
    **ends: Any,
) -> None:
    """Note the links of an instance; Django writes them in a transaction."""
    if action not in _MOMENTS:
        return
    hook = watch.hook(using)
    condition = _links(
        sender, instance, ends["model"], ends["pk_set"], reverse=ends["reverse"]
    )
    for watched in watch.of(sender):
        cause = watched.cause(KIND)
        with hook.guard(watched.questions, cause):
            rows = select(watched, hook, by=condition)
            hook.add_rows(watched.questions, watched.model, rows, cause)


def before_end_deleted(
    watch: Watch,
    through: Model,
    *,
    sender: Model,
    instance: models.Model,
    using: str,
    **_: Any,
) -> None:
    """Note the links of a row that is deleted: of links without a model Django tells nobody."""
    condition = models.Q()
    for field in ends(through):
        if issubclass(sender, field.related_model):
            (own,) = field.get_foreign_related_value(instance)
            condition |= models.Q(**{field.name: own})
    hook = watch.hook(using)
    for watched in watch.of(through):
        cause = watched.cause(KIND)
        with hook.guard(watched.questions, cause):
            rows = select(watched, hook, by=condition)
            hook.add_rows(watched.questions, watched.model, rows, cause)


def ends(through: Model) -> list[Any]:
    """Return the foreign keys of links."""
    return [
        field
        for field in through._meta.concrete_fields
        if isinstance(field, models.ForeignKey)
    ]


def _links(
    through: Model,
    instance: models.Model,
    model: Model,
    others: Collection[Any] | None,
    *,
    reverse: bool,
) -> models.Q:
    """Return what the links of an instance fulfil; `others` None for all of them."""
    owner = model if reverse else type(instance)
    field: Any = next(
        one for one in owner._meta.many_to_many if one.remote_field.through is through
    )
    names = field.m2m_field_name(), field.m2m_reverse_field_name()
    near, far = reversed(names) if reverse else names
    condition = _ends(through, instance, near, far, others)
    if field.remote_field.symmetrical:
        condition |= _ends(through, instance, far, near, others)
    return condition


def _ends(
    through: Model,
    instance: models.Model,
    near: str,
    far: str,
    others: Collection[Any] | None,
) -> models.Q:
    end: Any = through._meta.get_field(near)
    (own,) = end.get_foreign_related_value(instance)
    condition = models.Q(**{near: own})
    if others is not None:
        condition &= models.Q(**{f"{far}__in": list(others)})
    return condition
