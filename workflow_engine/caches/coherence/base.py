"""Coherence: what a process must do so that no answer is stale; two ways to do it.

With Redis it is the protocol of cells (`cells`), without it one generation row in the
database (`rows`). An instance is one process's side of it: its near copies, and whether it
may use the cache at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

from django.db import models

from workflow_engine.caches.coherence.moment import Moment
from workflow_engine.caches.declared import Declared, Questions
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.question import Question
from workflow_engine.caches.stores.base import Server

K = TypeVar("K")
V = TypeVar("V")

#: The cause of a forget that no changed row asks for.
BY_HAND: Final = "hand"

#: What the tables of figures hold of a cause.
MOST_CAUSE_CHARACTERS: Final = 64


def cause_of(kind: str, model: type[models.Model]) -> str:
    """Return the cause of a forget: how rows of a model were changed, or it was learnt."""
    return f"{kind}:{model._meta.model_name}"[:MOST_CAUSE_CHARACTERS]


class CellState(StrEnum):
    """What is under the name of an entry."""

    ABSENT = "absent"
    PERMIT = "permit"
    VALUE = "value"
    UNUSABLE = "unusable"


class NearState(StrEnum):
    """What this process keeps of an entry."""

    NONE = "none"
    STANDS = "stands"
    SAME = "same"  # of the same filling as the cell; compared before it is used
    OTHER = "other"  # of another filling


@dataclass(frozen=True, kw_only=True)
class Peeked:
    """What is known of one entry.

    Attributes:
        state: Of the cell; without Redis, of the copy in this process.
        reason: Why an unusable cell is none: schema, incarnation, undecodable; else "".
        near: Of the copy in this process.
        nonce: Of the filling, 32 hex digits; "" where there is none.
        filled_at_ms: When it was filled, by its filler's clock, since 1970.
        life_left_ms: After which the server drops it.
        answers: What a look-up would now be answered from the cache: nothing, or one
            answer.
    """

    state: CellState
    reason: str = ""
    near: NearState = NearState.NONE
    nonce: str = ""
    filled_at_ms: int | None = None
    life_left_ms: int | None = None
    answers: tuple[Any, ...] = ()


class Coherence(Protocol):
    """One process's side of the promise."""

    #: Alias of the database that answers.
    database: str
    declared: Declared

    def moment(self, questions: Questions) -> Moment:
        """Return a moment that begins with its first use."""
        ...

    def read(
        self, question: Question[K, V], keys: Sequence[K], moment: Moment
    ) -> dict[K, V]:
        """Return the answer for every key, each given once; outside a transaction.

        Never raises for a cache that is away.
        """
        ...

    def kept(self, name: Any, keys: Sequence[K], moment: Moment) -> dict[K, Any] | None:
        """Return what `Moment.keep` kept under a name, if all of it stands, or None.

        Never raises for a cache that is away.
        """
        ...

    def forget(self, entries: Entries, cause: str) -> Mapping[str, int]:
        """Return once no later read can answer for these entries from before this call.

        What is returned is how many entries were there of each access that was forgotten
        whole, by its name; without one where nobody can count them.

        Outside a transaction. `cause` is for the metrics: hand, migrate, verifier, or what
        `cause_of` returns for save, delete, m2m, bulk, outbox, sweep.

        Raises:
            CacheUnavailable: They could not all be forgotten; no cached read is answered
                in this process until what the outbox holds has been replayed.
        """
        ...

    def settle(self, using: str, owed: Mapping[str, Entries]) -> bool:
        """Do what is owed after a COMMIT on an alias: forget, then take the outbox rows.

        `owed` is by cause. Says whether all of it was forgotten; what failed is counted, and
        stays in the outbox if a write put it there. Raises no CacheUnavailable.
        """
        ...

    def sweep(self) -> int:
        """Forget what the outbox still owes and return how many rows that were.

        Rows that somebody holds are left to them.

        Raises:
            CacheUnavailable: The rows stay.
            django.db.Error: As above.
        """
        ...

    def peek(self, question: Question[Any, Any], key: Any) -> Peeked:
        """Return what is known of one entry, without changing anything.

        Raises:
            CacheUnavailable: The server does not answer.
        """
        ...

    def suffixes(self, question: Question[Any, Any]) -> Iterator[list[str]]:
        """Yield, in portions, the suffix of every entry that is there, in no order.

        A portion takes a millisecond or so, and may be empty: among many names of others
        most are. Who has no time for all of it looks at the clock after each.

        Raises:
            CacheUnavailable: The server does not answer.
        """
        ...

    def server(self) -> Server | None:
        """Return what the server says of itself, or None where entries need none.

        Asks, whether or not the cache may be used now, and changes nothing about that.

        Raises:
            CacheUnavailable: It does not answer, or must not be used; `reason` says which.
        """
        ...
