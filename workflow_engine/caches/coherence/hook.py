"""Hook: what one transaction owes to the cache, collected in it and paid after its COMMIT.

It stands in Django's own list of what runs on commit, so that the commit takes it and a
rollback drops it. There it is the first, so that callbacks of the application find entries
forgotten and one that raises does not skip it; and it belongs to no savepoint, so that the
rollback of one does not drop it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias

from django.db import DatabaseError, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from workflow_engine import clock
from workflow_engine.author import author
from workflow_engine.caches.coherence.base import BY_HAND, Coherence
from workflow_engine.caches.coherence.current import current as of_process
from workflow_engine.caches.database import in_transaction
from workflow_engine.caches.declared import Questions
from workflow_engine.caches.entries import MOST_KEYS, Entries
from workflow_engine.caches.mapping import Resolved, Row
from workflow_engine.caches.outbox import owe
from workflow_engine.caches.question import Question
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.metrics.counts import counts

logger = logging.getLogger(__name__)

AnyQuestion: TypeAlias = Question[Any, Any]
Model: TypeAlias = type[models.Model]

#: Which rows are resolved once more after the commit: of a question, a model, a cause.
_Source: TypeAlias = tuple[AnyQuestion, Model, str]


class Hook:
    """Called after the COMMIT, or at once in autocommit; never raises an Exception.

    Called twice it forgets twice: a test may run it before the commit does.
    """

    def __init__(self, using: str, current: Callable[[], Coherence]) -> None:
        """Owe nothing yet for what is written on an alias."""
        self.using = using
        self._current = current
        self._owed: dict[str, Entries] = {}
        self._resolved: dict[_Source, dict[tuple[Any, ...], Row]] = {}
        self._savepoint: ExitStack | None = None  # of the guard, until one has begun

    def add(self, entries: Entries, cause: str) -> None:
        """Owe entries."""
        self._entries(cause).update(entries)

    def add_all(self, questions: Questions, cause: str) -> None:
        """Owe every entry of some questions."""
        for question in questions:
            self._entries(cause).add_all(question)

    def name_rows(self, keys: Iterable[Any], cause: str) -> None:
        """Note primary keys of the rows that are the cause; costs no query."""
        self._entries(cause).name_rows(keys)

    def add_rows(
        self,
        questions: Questions,
        model: Model,
        rows: Sequence[Row],
        cause: str,
        *,
        is_committed: bool = False,
    ) -> None:
        """Owe what rows of a watched model spoil; inside `guard`.

        Args:
            questions: Which depend on the model.
            model: As `depends_on` names it.
            rows: Old or new ones.
            cause: For the metrics; see `base.cause_of`.
            is_committed: Nothing is left to be asked before the commit.
        """
        for question in questions:
            try:
                new = self._keep(question, model, rows, cause)
                if new and not (is_committed and _is_resolved(question, model)):
                    self._name(question, model, new, cause)
            except DatabaseError:
                raise  # the savepoint round it must end
            except Exception as error:  # noqa: BLE001 - counted, logged
                self._fail((question,), cause, error)

    @contextmanager
    def guard(self, questions: Questions, cause: str) -> Iterator[None]:
        """Let nothing that goes wrong inside harm the write: all of `questions` is owed then.

        In a transaction the queries inside have a savepoint of their own; see `before_query`.
        """
        try:
            with ExitStack() as savepoint:
                self._savepoint = savepoint
                yield
        except Exception as error:  # noqa: BLE001 - counted, logged
            self._fail(questions, cause, error)
        finally:
            self._savepoint = None

    def before_query(self) -> None:
        """Begin the savepoint of the guard, unless it has begun; called before each query."""
        savepoint, self._savepoint = self._savepoint, None
        if savepoint is not None and in_transaction(self.using):
            savepoint.enter_context(transaction.atomic(using=self.using))

    def __call__(self) -> None:
        committed_at = clock.monotonic()
        is_settled = False
        try:
            self._resolve_again()
            is_settled = self._current().settle(self.using, self._owed)
        except Exception as error:  # noqa: BLE001 - counted, logged
            self._count_failure(error)
        by_hand = self._owed.get(BY_HAND)
        if by_hand and not is_settled:
            try:
                owe_entries(self.using, by_hand)
            except Exception as error:  # noqa: BLE001 - counted, logged
                self._count_failure(error)
        lag_ms = (clock.monotonic() - committed_at) * 1000
        counts.observe("", "lag", "", lag_ms)

    def _count_failure(self, error: Exception) -> None:
        counts.add("", "error", "hook")
        logger.error(
            "What a commit owes to the cache could not be forgotten.",
            exc_info=error,
            extra={"action": "run_hook", "database": self.using},
        )

    def _entries(self, cause: str) -> Entries:
        entries = self._owed.get(cause)
        if entries is None:
            entries = self._owed[cause] = Entries(author())
        return entries

    def _keep(
        self, question: AnyQuestion, model: Model, rows: Sequence[Row], cause: str
    ) -> Sequence[Row]:
        """Keep rows that must be resolved again; return those not resolved before."""
        if question in self._entries(cause).whole():
            return ()
        if not _is_resolved(question, model):
            return rows
        columns = question.depends_on[model].columns
        kept = self._resolved.setdefault((question, model, cause), {})
        new = {tuple(row[column] for column in columns): row for row in rows}
        new = {values: row for values, row in new.items() if values not in kept}
        kept |= new
        if len(kept) > MOST_KEYS:
            kept.clear()
            self._entries(cause).add_all(question)
            return ()
        return list(new.values())

    def _name(
        self, question: AnyQuestion, model: Model, rows: Sequence[Row], cause: str
    ) -> None:
        if _is_resolved(question, model):
            self.before_query()
        keys = question.keys_of_rows(model, rows, self.using)
        self._entries(cause).add(question, keys)

    def _resolve_again(self) -> None:
        for (question, model, cause), rows in self._resolved.items():
            if rows and question not in self._entries(cause).whole():
                with self.guard((question,), cause):
                    self._name(question, model, list(rows.values()), cause)

    def _fail(self, questions: Questions, cause: str, error: Exception) -> None:
        for question in questions:
            counts.add(question.name, "error", "resolve")
        self.add_all(questions, cause)
        logger.error(
            "The entries that a write spoils are not known; all are forgotten.",
            exc_info=error,
            extra={
                "action": "name_entries",
                "accesses": [question.name for question in questions],
            },
        )


def hook_of(using: str, current: Callable[[], Coherence] = of_process) -> Hook:
    """Return the hook of the transaction on an alias; outside of one, a new hook.

    Who gets one outside of a transaction must run it once the write is done.
    """
    if not in_transaction(using):
        return Hook(using, current)
    connection = connections[using]
    listed: list[Any] = connection.run_on_commit
    if _is_in_test_case(connection):
        # The first place would shift what a test captures, and a hook from before the
        # capture would not be run by it: so each write brings its own.
        hook = Hook(using, current)
        listed.append((set(), hook, True))
        return hook
    for _, function, _ in listed:
        if isinstance(function, Hook):
            return function
    hook = Hook(using, current)
    listed.insert(0, (set(), hook, True))
    return hook


def forget_by_hand(
    entries: Entries, current: Callable[[], Coherence] = of_process
) -> None:
    """Forget entries: now, or in a transaction on their database after its commit.

    Raises:
        CacheUnavailable: They could not all be forgotten; the outbox owes them.
    """
    using = current().database
    if in_transaction(using):
        hook_of(using, current).add(entries, BY_HAND)
        return
    try:
        current().forget(entries, BY_HAND)
    except CacheUnavailable:
        owe_entries(using, entries)
        raise


def owe_entries(using: str, entries: Entries) -> None:
    """Let the outbox owe entries that no changed row names: all of a model they depend on."""
    questions = [question for question, _ in entries.some()] + [*entries.whole()]
    owe(using, {next(iter(one.depends_on)) for one in questions if one.depends_on})


def all_of(questions: Iterable[AnyQuestion]) -> Entries:
    """Return every entry of some questions."""
    entries = Entries()
    for question in questions:
        entries.add_all(question)
    return entries


def _is_resolved(question: AnyQuestion, model: Model) -> bool:
    return isinstance(question.depends_on[model], Resolved)


def _is_in_test_case(connection: BaseDatabaseWrapper) -> bool:
    blocks: list[Any] = connection.atomic_blocks
    return bool(blocks and blocks[0]._from_testcase)  # noqa: SLF001 - nothing else says so
