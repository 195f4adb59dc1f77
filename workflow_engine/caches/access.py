"""Access: a typed question that is asked by key.

Answers come from the database: `get_many` is `load`, one query whatever the number of keys.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from django.db import models

from workflow_engine.caches.mapping import CacheMapping

K = TypeVar("K")
V = TypeVar("V")

#: Keys of the entries that a row spoils; reads the row by column name only.
KeysOfRow: TypeAlias = Callable[[Any], set[K]]


class CacheAccess(Generic[K, V]):
    """One question: how its entries are named, loaded, and what spoils them."""

    def __init__(
        self,
        *,
        mapping: CacheMapping[K],
        load: Callable[[Collection[K]], dict[K, V]],
        depends_on: Mapping[type[models.Model], KeysOfRow[K]],
    ) -> None:
        """Declare the question.

        Args:
            mapping: Names of its entries.
            load: Answers every key it is given by one query; is never given none.
            depends_on: For each model behind an answer, the keys that a row of it spoils.
        """
        self.mapping = mapping
        self.depends_on = dict(depends_on)
        self._load = load

    def get(self, key: K) -> V:
        """Return the answer for one key."""
        return self.get_many([key])[key]

    def get_many(self, keys: Iterable[K]) -> dict[K, V]:
        """Return the answer for every key, each once, in their order; no query for none."""
        return self.load(keys)

    def load(self, keys: Iterable[K]) -> dict[K, V]:
        """Return what the database says of every key; one query, none for no keys."""
        wanted = list(dict.fromkeys(keys))
        if not wanted:
            return {}
        found = self._load(wanted)
        return {key: found[key] for key in wanted}

    def forget(self, keys: Iterable[K]) -> int:
        """Drop the entries of these keys and return how many there were.

        No answer is kept between two questions, so there is none to drop.
        """
        return 0

    def forget_all(self) -> int:
        """Drop every entry of this access and return how many there were; see `forget`."""
        return 0
