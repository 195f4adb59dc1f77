"""Access: a typed question that is answered from the cache, else from the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from django.db import models

from workflow_engine.caches.coherence import Peeked, current
from workflow_engine.caches.coherence.hook import forget_by_hand
from workflow_engine.caches.declared import Declared, declared
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.look_up import LookUp
from workflow_engine.caches.mapping import CacheMapping, Dependency
from workflow_engine.caches.question import Question, nothing_else

K = TypeVar("K")
V = TypeVar("V")


class CacheAccess(Question[K, V], Generic[K, V]):
    """One question, and the way to its answers."""

    def __init__(  # noqa: PLR0913 - what a question is made of, by name
        self,
        mapping: CacheMapping[K],
        *,
        load: Callable[[Sequence[K]], Mapping[K, V]],
        depends_on: Mapping[type[models.Model], Dependency[K]],
        value_type: Any,
        also: Callable[[], str] = nothing_else,
        empties: Sequence[Any] = ((),),
        among: Declared = declared,
    ) -> None:
        """Declare the question; see `Question` for what it is made of.

        Raises:
            AccessDeclaredTwice: `among` has a question of this name.
        """
        super().__init__(
            mapping,
            load=load,
            depends_on=depends_on,
            value_type=value_type,
            also=also,
            empties=empties,
        )
        among.add(self)

    def get(self, key: K) -> V:
        """Return the answer for one key; see `LookUp.get_many`."""
        return self.get_many((key,))[key]

    def get_many(self, keys: Iterable[K]) -> dict[K, V]:
        """Return the answer for every key; see `LookUp.get_many`."""
        return LookUp(self).get_many(self, keys)

    def forget(self, keys: Iterable[K]) -> None:
        """Make sure that no later `get` answers for these keys from before this call.

        Inside a transaction that is so once it has been committed.

        Raises:
            CacheUnavailable: The cache did not answer. On PostgreSQL the outbox owes it, and
                the next sweep forgets it.
        """
        entries = Entries()
        entries.add(self, keys)
        forget_by_hand(entries)

    def forget_all(self) -> None:
        """Do for every key what `forget` does for some."""
        entries = Entries()
        entries.add_all(self)
        forget_by_hand(entries)

    def peek(self, key: K) -> Peeked:
        """Return what is known of one entry, without changing anything.

        Raises:
            CacheUnavailable: The cache does not answer.
        """
        return current().peek(self, key)
