"""Rule: a row edited by people, from which cache entries are built.

Every way to write one through Django is covered: `save`, `update`, `bulk_create` and
`bulk_update` validate; the writes of many rows are announced, since Django sends no signal
for them. `delete` needs no announcement: Django signals each row of it. A fixture is loaded
as it is (`raw`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, ClassVar, Final, TypeVar

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models.base import ModelBase
from django.dispatch import Signal
from django.utils.translation import gettext_lazy as _

from workflow_engine import clock

#: Before a QuerySet updates rows, also where `bulk_create` meets conflicts. Sender: the
#: model; arguments: `ids`, `using`.
rows_will_change = Signal()

#: After a QuerySet updated or created rows, in the same transaction. Sender: the model;
#: arguments: `ids` of the rows updated, `rows` as handed to `bulk_create` (their keys are
#: unknown when conflicts were ignored), `using`.
rows_changed = Signal()

READ_ROWS: Final = (
    500  # keys in one IN list, below the parameter limit of every database
)

R = TypeVar("R", bound="Rule")


class RuleQuerySet(models.QuerySet[R]):
    """Validates and announces what Django writes without `save`."""

    def update(self, **kwargs: Any) -> int:
        """Update as Django does, set `updated_at`, refuse what `save` would refuse."""
        kwargs.setdefault("updated_at", clock.now())
        is_judged = not self.model.judged_fields.isdisjoint(kwargs)
        if not (is_judged or _is_anyone_told(self.model)):
            return super().update(**kwargs)
        with transaction.atomic(using=self.db):
            ids = tuple(self.order_by().values_list("pk", flat=True))
            rows_will_change.send(self.model, ids=ids, using=self.db)
            changed = super().update(**kwargs)
            if is_judged:
                refuse_problems(self._reread(ids))
            rows_changed.send(self.model, ids=ids, rows=(), using=self.db)
        return changed

    update.alters_data = True  # type: ignore[attr-defined] # Django's mark

    def bulk_create(
        self,
        objs: Iterable[R],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        update_conflicts: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[R]:
        """Create as Django does; ValidationError, nothing written, for a refused row."""
        rows = list(objs)
        models.prefetch_related_objects(rows, *self.model.judged_related)
        refuse_problems(rows)
        with transaction.atomic(using=self.db, savepoint=False):
            if update_conflicts and unique_fields and _is_anyone_told(self.model):
                ids = tuple(self._conflicting(rows, unique_fields))
                rows_will_change.send(self.model, ids=ids, using=self.db)
            created = super().bulk_create(
                rows,
                batch_size=batch_size,
                ignore_conflicts=ignore_conflicts,
                update_conflicts=update_conflicts,
                update_fields=update_fields,
                unique_fields=unique_fields,
            )
            ids = tuple(row.pk for row in created if row.pk is not None)
            rows_changed.send(self.model, ids=ids, rows=tuple(rows), using=self.db)
        return created

    bulk_create.alters_data = True  # type: ignore[attr-defined] # Django's mark

    def bulk_update(
        self, objs: Iterable[R], fields: Iterable[str], batch_size: int | None = None
    ) -> int:
        """Update as Django does, through `update`; a refusal undoes this call alone."""
        with transaction.atomic(using=self.db):
            return super().bulk_update(objs, fields, batch_size=batch_size)

    bulk_update.alters_data = True  # type: ignore[attr-defined] # Django's mark

    def _conflicting(
        self, rows: Sequence[R], unique_fields: Collection[str]
    ) -> Iterator[int]:
        """Yield the keys of rows that others may conflict with; perhaps some too many."""
        there: models.QuerySet[R] = models.QuerySet(self.model, using=self.db)
        options = self.model._meta
        fields: list[Any] = [
            options.pk if name == "pk" else options.get_field(name)
            for name in unique_fields
        ]
        for start in range(0, len(rows), READ_ROWS):
            chunk = rows[start : start + READ_ROWS]
            found = there.order_by()
            for field in fields:
                values = {row.__dict__.get(field.attname) for row in chunk}
                found = found.filter(**{f"{field.name}__in": values})
            yield from found.values_list("pk", flat=True)

    def _reread(self, ids: Sequence[int]) -> Iterator[R]:
        rows: models.QuerySet[R] = models.QuerySet(self.model, using=self.db)
        related = self.model.judged_related
        remaining = iter(ids)
        while chunk := list(islice(remaining, READ_ROWS)):
            found = rows.filter(pk__in=chunk)
            yield from found.select_related(*related) if related else found


class Rule(models.Model):
    """Base of the rule rows."""

    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)
    updated_at = models.DateTimeField(_("changed"), default=clock.now, editable=False)

    #: Fields that `problems` judges; a write to one of them is validated.
    judged_fields: ClassVar[frozenset[str]] = frozenset()

    #: Of these, what `save` judges as a form would: length, blank, validators.
    checked_fields: ClassVar[tuple[str, ...]] = ()

    #: What `problems` follows, read along when many rows are judged.
    judged_related: ClassVar[tuple[str, ...]] = ()

    class Meta:
        abstract = True

    def save(
        self,
        *,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Save as Django does; ValidationError for a row with problems."""
        self.updated_at = clock.now()
        if update_fields is not None:
            update_fields = frozenset(update_fields)
            if update_fields:
                update_fields |= {"updated_at"}
        if update_fields is None or not self.judged_fields.isdisjoint(update_fields):
            refuse_problems([self])
        super().save(
            force_insert=force_insert,
            force_update=force_update,
            using=using,
            update_fields=update_fields,
        )

    def clean(self) -> None:
        super().clean()
        if found := self.problems():
            raise ValidationError(found)

    def problems(self) -> dict[str, list[str]]:
        """Return sentences by field for what the database cannot refuse; empty if fine."""
        return {}

    def has_related(self, name: str) -> bool:
        """Say whether a foreign key is set, also to a row that is not saved yet."""
        field = self._meta.get_field(name)
        return getattr(self, f"{name}_id") is not None or (
            isinstance(field, models.ForeignKey) and field.is_cached(self)
        )


def refuse_problems(rows: Iterable[Rule]) -> None:
    """Raise ValidationError, by field, for the first row with problems."""
    for row in rows:
        found = row.problems()
        for name in row.checked_fields:
            field = row._meta.get_field(name)
            try:
                if isinstance(field, models.Field):
                    field.clean(getattr(row, name), row)
            except ValidationError as refused:
                found[name] = [*refused.messages, *found.get(name, [])]
        if found:
            raise ValidationError(found)


def _is_anyone_told(model: type[Rule]) -> bool:
    return rows_will_change.has_listeners(model) or rows_changed.has_listeners(model)
