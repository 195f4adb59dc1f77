"""Cache rows: what the cache keeps in the database; forgets still owed, and a number."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connections, models, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

#: The one row of the generation.
ONLY: Final = 1

#: Longer than any table name that PostgreSQL takes.
SOURCE_CHARACTERS: Final = 128


@dataclass(frozen=True, kw_only=True)
class Owed:
    """One row taken from the outbox.

    Attributes:
        source: Name of the table that changed.
        rows: Old and new rows by column name, of the key columns; None: any row.
    """

    source: str
    rows: list[dict[str, Any]] | None


class CacheOutboxQuerySet(models.QuerySet["CacheOutbox"]):
    """Forgets that are owed, taken by whoever pays them."""

    def take(self, limit: int, *, waits: bool) -> list[Owed]:
        """Delete at most `limit` rows and return them; PostgreSQL only, in a transaction.

        Args:
            limit: How many at most.
            waits: The newest come first, and rows that somebody holds are waited for; else
                the oldest come first, and those are left out. All who wait lock in one
                order, so they never wait for each other in a circle.
        """
        connection = connections[self.db]
        statement = TAKE_NEWEST if waits else TAKE_OLDEST
        table = connection.ops.quote_name(self.model._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(statement.format(table=table), [limit])
            taken = cursor.fetchall()
        return [_owed(source, rows) for source, rows in taken]

    take.alters_data = True  # type: ignore[attr-defined] # Django's mark for templates

    def oldest_age(self, now: datetime) -> timedelta | None:
        """Return for how long the oldest row has been owed, or None when nothing is."""
        oldest: datetime | None = self.aggregate(at=models.Min("created_at"))["at"]
        return None if oldest is None else now - oldest

    def older_than(self, age: timedelta) -> CacheOutboxQuerySet:
        """Return the rows written so long ago, by the clock that they were written by."""
        return self.filter(created_at__lt=Now() - age)


class CacheOutbox(models.Model):
    """Written by database triggers, in the transaction that changed a rule."""

    source = models.CharField(_("table"), max_length=SOURCE_CHARACTERS)
    rows = models.JSONField(
        _("rows"),
        null=True,
        help_text=_("Null: everything that depends on the table."),
    )
    created_at = models.DateTimeField(_("created"), db_default=Now())

    objects = CacheOutboxQuerySet.as_manager()

    class Meta:
        verbose_name = _("owed forget")
        verbose_name_plural = _("owed forgets")

    def __str__(self) -> str:
        return f"{self.pk}: {self.source}"


#: Delete the newest rows; one that somebody holds is waited for. The array is made once,
#: where a subquery could be run again for each row and delete more than the limit.
TAKE_NEWEST: Final = """
    DELETE FROM {table} WHERE id = ANY (ARRAY(
        SELECT id FROM {table} ORDER BY id DESC LIMIT %s FOR UPDATE
    )) RETURNING source, rows
"""

#: Delete the oldest rows that nobody holds.
TAKE_OLDEST: Final = """
    DELETE FROM {table} WHERE id = ANY (ARRAY(
        SELECT id FROM {table} ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
    )) RETURNING source, rows
"""


def _owed(source: str, rows: str | list[dict[str, Any]] | None) -> Owed:
    """Return a taken row; drivers differ in whether they decode JSON."""
    decoded = json.loads(rows) if isinstance(rows, str) else rows
    return Owed(source=source, rows=decoded)


class CacheGenerationQuerySet(models.QuerySet["CacheGeneration"]):
    """The one number that vouches for what processes without Redis remember."""

    def current(self) -> int | None:
        """Return the number, or None without a row: then nothing is vouched for.

        One read by primary key, without the costs of a QuerySet.
        """
        connection = connections[self.db]
        with connection.cursor() as cursor:
            cursor.execute(CURRENT)
            row = cursor.fetchone()
        return None if row is None else int(row[0])

    def begin(self) -> None:
        """Write a row if none is there; a refusal does no harm to a transaction round it."""
        with transaction.atomic(using=self.db):
            self.bulk_create([_fresh()], ignore_conflicts=True)

    begin.alters_data = True  # type: ignore[attr-defined] # Django's mark for templates

    def renew(self) -> None:
        """Write another number, whatever is there."""
        self.bulk_create(
            [_fresh()],
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=["generation", "bumped_by"],
        )

    renew.alters_data = True  # type: ignore[attr-defined] # Django's mark for templates


class CacheGeneration(models.Model):
    """One row; the number is random, so that no number comes back with other rows behind it.

    Database triggers change it with every change of a rule.
    """

    id = models.SmallIntegerField(primary_key=True, default=ONLY)
    generation = models.BigIntegerField(_("generation"))
    bumped_by = models.BigIntegerField(
        _("bumped by"), null=True, help_text=_("Number of the transaction.")
    )

    objects = CacheGenerationQuerySet.as_manager()

    class Meta:
        verbose_name = _("cache generation")
        verbose_name_plural = _("cache generations")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(id=ONLY), name="wfe_cache_generation_only"
            )
        ]

    def __str__(self) -> str:
        return str(self.generation)


#: Read the number; both databases quote alike.
CURRENT: Final = (
    f'SELECT generation FROM "{CacheGeneration._meta.db_table}" WHERE id = {ONLY}'  # noqa: S608 - our own names
)


def _fresh() -> CacheGeneration:
    number = secrets.randbits(64) - 2**63
    return CacheGeneration(id=ONLY, generation=number, bumped_by=None)
