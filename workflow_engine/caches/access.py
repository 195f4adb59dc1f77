"""Access: a typed question that is answered from the cache, else from the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from django.db import models

from workflow_engine.caches.declared import Declared, declared
from workflow_engine.caches.mapping import CacheMapping, Dependency
from workflow_engine.caches.question import Question, nothing_else

K = TypeVar("K")
V = TypeVar("V")


class CacheAccess(Question[K, V], Generic[K, V]):
    """One question, and the way to its answers."""

    def __init__(
        self,
        mapping: CacheMapping[K],
        *,
        load: Callable[[Sequence[K]], Mapping[K, V]],
        depends_on: Mapping[type[models.Model], Dependency[K]],
        value_type: Any,
        also: Callable[[], str] = nothing_else,
        empties: Sequence[V | tuple[()]] = ((),),
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
        """Return the answer for one key; see `get_many`."""
        return self.get_many((key,))[key]

    def get_many(self, keys: Iterable[K]) -> dict[K, V]:
        """Return the answer for every key."""
        return self.load(keys)
