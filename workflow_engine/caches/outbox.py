"""Outbox: forgets that are owed, taken from the database and paid.

A row is gone only when its entries have been forgotten (O2): what a drain has taken comes
back when it fails, and when its process dies.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeAlias

from django.db import Error as DatabaseError
from django.db import OperationalError, connections, models, transaction
from django.db.transaction import TransactionManagementError

from workflow_engine import clock
from workflow_engine.caches.declared import Declared
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.mapping import Resolved, Row
from workflow_engine.caches.question import Question
from workflow_engine.metrics.counts import counts
from workflow_engine.models.cache_rows import (
    CacheOutbox,
    CacheOutboxQuerySet,
    Owed,
)

logger = logging.getLogger(__name__)

#: Rows in one transaction.
PORTION_ROWS: Final = 500

#: The server ends a drain that says nothing for so long: nobody keeps rows from the others.
IDLE_SECONDS: Final = 5.0

#: Every cell filled before has expired by then.
LIFE: Final = timedelta(days=2)

#: Begin a portion: see rows as they are now, wait for them and be waited for only so long.
BEGIN: Final = (
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;"
    " SET LOCAL lock_timeout = {lock_ms};"
    " SET LOCAL idle_in_transaction_session_timeout = {idle_ms}"
)

#: Who waits for rows may wait for one holder after the other: bound all of it together.
BOUND: Final = "; SET LOCAL statement_timeout = {statement_ms}"

#: Once rows are taken, the bound is not for what is asked about them.
UNBOUND: Final = "SET LOCAL statement_timeout TO DEFAULT"

#: What taking a portion may need besides waiting.
TAKE_SECONDS: Final = 1.0

#: The server's codes for a lock, and for a statement, that was not had in time.
LOCK_NOT_AVAILABLE: Final = "55P03"
QUERY_CANCELED: Final = "57014"

AnyQuestion: TypeAlias = Question[Any, Any]
_Model: TypeAlias = type[models.Model]

#: What rows spoil, by their model.
Owing: TypeAlias = Mapping[_Model, Entries]


@dataclass(frozen=True, kw_only=True)
class Drained:
    """What a drain has done.

    Attributes:
        rows: How many were taken for good.
        is_complete: Whether nothing is left of what it was to take.
    """

    rows: int
    is_complete: bool


def drain(
    using: str,
    declared: Declared,
    forget: Callable[[Owing], None],
    *,
    waits: bool,
    seconds: float,
    idle_seconds: float = IDLE_SECONDS,
) -> Drained:
    """Forget what the outbox owes, portion by portion; nothing but on PostgreSQL.

    Four round trips for a portion and one for each resolver of its rows; one more for these
    if it waits.

    Args:
        using: Alias of the database; outside of any transaction.
        declared: The questions whose entries are to be forgotten.
        forget: Returns when entries are forgotten. What takes more than `idle_seconds`
            must call `keep_alive` in between.
        waits: Take the newest rows first and wait for those that another drain holds, so
            that nothing committed before is left out; else take the oldest and leave
            held rows to who holds them.
        seconds: After which no further portion is begun, and no lock is waited for,
            however many hold some.
        idle_seconds: After which the server ends a drain that it hears nothing from.

    Raises:
        TransactionManagementError: A transaction is open.
        CacheUnavailable: As raised by `forget`; the rows stay.
        django.db.Error: The rows stay.
    """
    connection = connections[using]
    if connection.vendor != "postgresql":
        return Drained(rows=0, is_complete=True)
    if connection.in_atomic_block or not connection.get_autocommit():
        message = f"the outbox is drained outside of transactions on '{using}' only"
        raise TransactionManagementError(message)
    work = _Drain(using, declared, forget, waits, idle_seconds)
    return work.run(clock.monotonic() + seconds)


def keep_alive(using: str) -> None:
    """Tell the server that the drain this thread is in still works."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT 1")


def owe(using: str, spoiling: Iterable[_Model]) -> None:
    """Owe everything that depends on some models, where there is an outbox (PostgreSQL)."""
    if connections[using].vendor == "postgresql":
        CacheOutbox.objects.using(using).bulk_create(
            CacheOutbox(source=model._meta.db_table, rows=None) for model in spoiling
        )


def expired(using: str) -> CacheOutboxQuerySet:
    """Return the rows that nobody took in two days: every cell of that time has expired.

    By the clock of the database alone: an application's may be wrong.
    """
    return CacheOutbox.objects.using(using).older_than(LIFE)


def prune(using: str) -> int:
    """Delete the expired rows, and return how many."""
    return expired(using).delete()[0]


class _Drain:
    """One drain."""

    def __init__(
        self,
        using: str,
        declared: Declared,
        forget: Callable[[Owing], None],
        waits: bool,  # noqa: FBT001 - private
        idle_seconds: float,
    ) -> None:
        self._using = using
        self._declared = declared
        self._forget = forget
        self._waits = waits
        self._idle_seconds = idle_seconds
        self._is_bound = False
        #: Questions whose function made the database refuse: forgotten whole instead.
        self._refused: set[AnyQuestion] = set()

    def run(self, until: float) -> Drained:
        rows = 0
        while True:
            left = until - clock.monotonic()
            try:
                taken = self._portion(left)
            except _Refused as refused:
                self._fail(refused.question, refused)
                self._refused.add(refused.question)
                continue
            except OperationalError as error:
                if not self._is_out_of_time(error):
                    raise
                return Drained(rows=rows, is_complete=False)
            rows += taken
            if taken < PORTION_ROWS:
                return Drained(rows=rows, is_complete=True)
            if clock.monotonic() >= until:
                return Drained(rows=rows, is_complete=False)

    def _portion(self, seconds: float) -> int:
        """Take some rows, forget, and let them go for good; say how many those were."""
        seconds = max(seconds, 0.001)
        begin = BEGIN.format(
            lock_ms=int(seconds * 1000), idle_ms=int(self._idle_seconds * 1000)
        )
        if self._waits:
            begin += BOUND.format(statement_ms=int((seconds + TAKE_SECONDS) * 1000))
        self._is_bound = self._waits
        with transaction.atomic(using=self._using):
            with connections[self._using].cursor() as cursor:
                cursor.execute(begin)
            outbox = CacheOutbox.objects.using(self._using)
            taken = outbox.take(PORTION_ROWS, waits=self._waits)
            owing = self._owing(taken)
            if owing:
                self._forget(owing)
        return len(taken)

    def _owing(self, taken: Sequence[Owed]) -> Owing:
        owing: dict[_Model, Entries] = {}
        images: dict[_Model, list[Row]] = {}
        for owed in taken:
            model = self._declared.model_of(owed.source)
            if model is None:
                continue  # no question depends on it
            entries = owing.setdefault(model, Entries())
            if owed.rows is None:
                for question in self._declared.spoiled_by(model):
                    entries.add_all(question)
            else:
                images.setdefault(model, []).extend(owed.rows)
        for model, rows in images.items():
            column = str(model._meta.pk.column)
            owing[model].name_rows(row.get(column) for row in rows)
            for question in self._declared.spoiled_by(model):
                self._name(question, model, rows, owing[model])
        return {model: entries for model, entries in owing.items() if entries}

    def _name(
        self, question: AnyQuestion, model: _Model, rows: Sequence[Row], into: Entries
    ) -> None:
        if question in self._refused or question in into.whole():
            into.add_all(question)
            return
        try:
            self._before_asking(question, model)
            keys = question.keys_of_rows(model, rows, self._using)
        except DatabaseError as error:
            raise _Refused(question) from error  # the transaction is lost: begin anew
        except Exception as error:  # noqa: BLE001 - counted, logged
            self._fail(question, error)
            into.add_all(question)
        else:
            into.add(question, keys)

    def _before_asking(self, question: AnyQuestion, model: _Model) -> None:
        if self._is_bound and isinstance(question.depends_on[model], Resolved):
            with connections[self._using].cursor() as cursor:
                cursor.execute(UNBOUND)
            self._is_bound = False

    def _is_out_of_time(self, error: OperationalError) -> bool:
        cause = error.__cause__
        code = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
        return code == LOCK_NOT_AVAILABLE or (self._waits and code == QUERY_CANCELED)

    def _fail(self, question: AnyQuestion, error: Exception) -> None:
        counts.add(question.name, "error", "resolve")
        logger.error(
            "The entries that outbox rows spoil are not known; all are forgotten.",
            exc_info=error,
            extra={"action": "drain", "access": question.name},
        )


class _Refused(Exception):
    """The database refused what a question asked about rows."""

    def __init__(self, question: AnyQuestion) -> None:
        super().__init__(question.name)
        self.question = question
