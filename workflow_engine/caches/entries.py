"""Entries: what is to be forgotten, some keys of a question or all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeAlias

from workflow_engine.caches.question import Question
from workflow_engine.metrics.forgets import MOST_NAMED

#: Beyond this, naming entries costs more than reading all of them again.
MOST_KEYS: Final = 10_000

Keys: TypeAlias = set[Any]


class Entries:
    """A collection that only grows; a question with too many keys is in it whole.

    Attributes:
        author: Who made the change that spoils them; "" = unknown.
        rows: Some primary keys of the rows that changed, as far as they are known.
    """

    def __init__(self, author: str = "") -> None:
        """Hold none."""
        self.author = author
        self.rows: dict[Any, None] = {}
        self._some: dict[Question[Any, Any], Keys] = {}
        self._whole: dict[Question[Any, Any], None] = {}

    def add(self, question: Question[Any, Any], keys: Iterable[Any]) -> None:
        """Add entries of a question."""
        if question in self._whole:
            return
        some = self._some.setdefault(question, set())
        some.update(keys)
        if len(some) > MOST_KEYS:
            self.add_all(question)
        elif not some:
            del self._some[question]

    def add_all(self, question: Question[Any, Any]) -> None:
        """Add every entry of a question."""
        self._some.pop(question, None)
        self._whole[question] = None

    def name_rows(self, keys: Iterable[Any]) -> None:
        """Note primary keys of changed rows; only some are kept."""
        room = MOST_NAMED - len(self.rows)
        if room > 0:
            named = (key for key in keys if key is not None)
            self.rows |= dict.fromkeys(islice(named, room))

    def update(self, other: Entries) -> None:
        """Add what another collection holds."""
        for question in other.whole():
            self.add_all(question)
        for question, keys in other.some():
            self.add(question, keys)

    def besides(self, others: Iterable[Entries]) -> Entries:
        """Return what is in it and in none of the others, because of the same change."""
        rest = Entries(self.author)
        rest.rows = self.rows
        some: dict[Question[Any, Any], Keys] = {}
        whole: set[Question[Any, Any]] = set()
        for other in others:
            whole.update(other.whole())
            for question, keys in other.some():
                some.setdefault(question, set()).update(keys)
        for question in self.whole():
            if question not in whole:
                rest.add_all(question)
        for question, keys in self.some():
            if question not in whole:
                rest.add(question, keys - some.get(question, set()))
        return rest

    def some(self) -> Iterator[tuple[Question[Any, Any], Keys]]:
        """Return the questions of which only some keys are in it, with these."""
        return iter(tuple(self._some.items()))

    def whole(self) -> tuple[Question[Any, Any], ...]:
        """Return the questions that are in it whole."""
        return tuple(self._whole)

    def __bool__(self) -> bool:
        return bool(self._some or self._whole)
