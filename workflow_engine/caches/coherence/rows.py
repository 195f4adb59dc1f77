"""Rows: the coherence of a process without Redis.

Entries are near copies alone; one row in the database vouches for all of them. Database
triggers change its number with every change of a rule, in the same transaction: after the
COMMIT every process sees the new number, and a writer that was killed leaves nothing over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any, TypeVar

from django.db import DatabaseError

from workflow_engine import clock
from workflow_engine.author import author
from workflow_engine.caches.coherence.base import (
    BY_HAND,
    CellState,
    NearState,
    Peeked,
)
from workflow_engine.caches.coherence.filling import load
from workflow_engine.caches.coherence.forgotten import tell
from workflow_engine.caches.coherence.moment import Moment
from workflow_engine.caches.coherence.place import Place
from workflow_engine.caches.coherence.places import Places
from workflow_engine.caches.database import is_same
from workflow_engine.caches.declared import Declared, Questions
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.near import Copy, Near, Standing, Tag
from workflow_engine.caches.question import Question
from workflow_engine.conf import options
from workflow_engine.metrics.counts import counts
from workflow_engine.models.cache_rows import CacheGeneration

K = TypeVar("K")
V = TypeVar("V")


class RowCoherence:
    """One process's entries, as long as the number in the database says so."""

    def __init__(self, database: str, declared: Declared) -> None:
        """Begin with no entry."""
        self.database = database
        self.declared = declared
        # The number tells of every change by itself; nothing is compared after a while.
        near = Near(options.NEAR_ENTRIES, stand_seconds=inf)
        self._places = Places(near, str)

    def moment(self, questions: Questions) -> Moment:
        return self._places.moment(questions)

    def read(
        self, question: Question[K, V], keys: Sequence[K], moment: Moment
    ) -> dict[K, V]:
        place: Place[K, V] = self._places.of(question)
        self._vouch(moment)
        standing: Standing[K, V] = moment.standings[question.name]
        answers = standing.some(keys)
        counts.add(question.name, "hit", "near", len(answers))
        if standing.empty:
            number = len(standing.empty.intersection(answers))
            counts.add(question.name, "empty", "", number)
        left = [key for key in keys if key not in answers]
        moment.note(question.name, is_near=not left)
        if not left:
            return answers
        counts.add(question.name, "miss", "absent", len(left))
        loaded = load(place.question, left)
        copies = [(key, Copy(b"", value)) for key, value in loaded.items()]
        self._places.near.keep(place.near, standing, copies, question.empties)
        return {key: loaded[key] if key in loaded else answers[key] for key in keys}

    def kept(self, name: Any, keys: Sequence[K], moment: Moment) -> dict[K, Any] | None:
        if not moment.group.kept.count:
            return None
        self._vouch(moment)
        return moment.kept(name, keys)

    def forget(self, entries: Entries, cause: str) -> dict[str, int]:
        """Change the number: entries of other processes cannot be reached one by one."""
        CacheGeneration.objects.using(self.database).renew()
        entries.author = entries.author or author()
        tell(entries, cause)
        self._places.unsee()
        return {}

    def settle(self, using: str, owed: Mapping[str, Entries]) -> bool:
        """Count: the database has changed the number by itself, but for what no row says."""
        if not is_same(using, self.database):
            return True
        for cause, entries in owed.items():
            if cause == BY_HAND:
                self.forget(entries, cause)
            else:
                tell(entries, cause)
        self._places.unsee()
        return True

    def sweep(self) -> int:
        """Return 0: outbox rows are for processes with Redis."""
        return 0

    def peek(self, question: Question[Any, Any], key: Any) -> Peeked:
        standing = self._places.of(question).near.standing
        tag = self._tag()
        if tag is None or standing.tag != tag or key not in standing.values:
            return Peeked(state=CellState.ABSENT)
        return Peeked(
            state=CellState.VALUE,
            near=NearState.STANDS,
            nonce=(tag[0] or b"").hex(),
            answers=(standing.values[key],),
        )

    def suffixes(self, question: Question[Any, Any]) -> Iterator[list[str]]:
        place = self._places.of(question)
        standing = place.near.standing
        if standing.tag is not None and standing.tag == self._tag():
            yield list(map(question.mapping.suffix, list(standing.values)))

    def server(self) -> None:
        """Return None: the database vouches, and no server keeps entries."""

    def _vouch(self, moment: Moment) -> None:
        """Ask for the number, once for a look-up and before anything it vouches for."""
        if not moment.standings and not moment.trust():
            asked_at = clock.monotonic()
            moment.turn_all(self._tag(), asked_at)

    def _tag(self) -> Tag:
        """Return what vouches now; without a row nothing does, and one is made for later.

        Where that is refused, as to a role that may only read, nothing ever vouches.
        """
        rows = CacheGeneration.objects.using(self.database)
        number = rows.current()
        if number is None:
            try:
                rows.begin()
            except DatabaseError:
                counts.add("", "error", "generation")
            return None
        return (number.to_bytes(8, "big", signed=True),)
