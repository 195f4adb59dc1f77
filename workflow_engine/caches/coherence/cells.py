"""Cells: the coherence of a process whose entries are in Redis.

The protocol on one page is `caches/README.md`; here is what one process does of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from workflow_engine import clock
from workflow_engine.caches.coherence.base import Peeked
from workflow_engine.caches.coherence.filling import load
from workflow_engine.caches.coherence.gate import Gate
from workflow_engine.caches.coherence.moment import Moment, trusted_since
from workflow_engine.caches.coherence.peeking import peek
from workflow_engine.caches.coherence.place import Place
from workflow_engine.caches.coherence.reading import Reading
from workflow_engine.caches.database import identity, is_same
from workflow_engine.caches.declared import Declared, Questions
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.metrics import counts
from workflow_engine.caches.near import Near
from workflow_engine.caches.outbox import drain
from workflow_engine.caches.question import Question
from workflow_engine.caches.stores.base import CellStore
from workflow_engine.conf import options
from workflow_engine.exceptions import CacheUnavailable

K = TypeVar("K")
V = TypeVar("V")

#: How long a commit, or the look-up that opens, waits for what is owed.
DRAIN_SECONDS: Final = 1.0

#: How long one sweep goes on.
SWEEP_SECONDS: Final = 10.0


class CellCoherence:
    """One process's side of the protocol; threads share it."""

    def __init__(self, database: str, store: CellStore, declared: Declared) -> None:
        """Begin closed, with no near copy."""
        self.database = database
        self.declared = declared
        self.store = store
        self.gate = Gate(self._prepare)
        self._near = Near(options.NEAR_ENTRIES)
        self._places: dict[str, Place[Any, Any]] = {}

    def moment(self, questions: Questions) -> Moment:
        return Moment([self._place(question) for question in questions])

    def read(
        self, question: Question[K, V], keys: Sequence[K], moment: Moment
    ) -> dict[K, V]:
        place: Place[K, V] = self._place(question)
        if not self.gate.passes():
            return self._bypass(place, keys, self.gate.reason)
        standing = moment.standings.get(question.name)
        if standing is None and moment.trust(trusted_since()):
            standing = moment.standings[question.name]
        if standing is not None:
            values = standing.values
            try:
                answers = {key: values[key] for key in keys}
            except KeyError:
                pass  # some must be read
            else:
                counts.add(question.name, "hit", "near", len(keys))
                empty = standing.empty
                if empty:
                    found = len(empty.intersection(keys))
                    counts.add(question.name, "empty", "", found)
                return answers
        return self._read(place, keys, moment)

    def forget(self, entries: Entries, cause: str) -> None:
        if not self.gate.passes():
            self.gate.close()
            message = "the cache is closed; what is owed stays in the outbox"
            raise CacheUnavailable(self.gate.reason, message)
        try:
            self._forget({cause: entries})
        except CacheUnavailable as error:
            self.gate.fail(error)
            self.gate.close(error)
            raise

    def settle(self, using: str, owed: Mapping[str, Entries]) -> None:
        if not is_same(using, self.database):
            return  # another database: nothing in it is an answer here
        try:
            if not self.gate.passes():
                self.gate.close()  # an opening under way may not have seen these rows
                return
            self._forget(owed)
            drained = drain(
                using,
                self.declared,
                lambda entries: self._forget({"outbox": entries}),
                waits=True,
                seconds=DRAIN_SECONDS,
            )
        except CacheUnavailable as error:
            self.gate.fail(error)
            self.gate.close(error)
        else:
            if not drained.is_complete:
                counts.add("", "error", "outbox")

    def sweep(self) -> int:
        if not self.gate.passes():
            return 0
        try:
            drained = drain(
                self.database,
                self.declared,
                lambda entries: self._forget({"sweep": entries}),
                waits=False,
                seconds=SWEEP_SECONDS,
            )
        except CacheUnavailable as error:
            self.gate.fail(error)
            raise
        return drained.rows

    def peek(self, question: Question[Any, Any], key: Any) -> Peeked:
        return peek(self._place(question), self.store, self._near, key)

    def suffixes(self, question: Question[Any, Any]) -> Iterator[str]:
        place = self._place(question)
        for names in self.store.scan(place.prefix):
            for name in names:
                if name != place.generation:
                    yield name.removeprefix(place.prefix).decode()

    def _place(self, question: Question[K, V]) -> Place[K, V]:
        found = self._places.get(question.name)
        if found is None:
            prefix = f"{options.CACHE_PREFIX}:{identity(self.database).hash}:"
            found = Place(question, prefix, self._near.open())
            found = self._places.setdefault(question.name, found)
        return found

    def _read(
        self, place: Place[K, V], keys: Sequence[K], moment: Moment
    ) -> dict[K, V]:
        reading: Reading[K, V] = Reading(place, self.store, self._near)
        try:
            reading.run(keys, moment)
        except CacheUnavailable as error:
            self.gate.fail(error)
            left = [key for key in keys if key not in reading.answers]
            reading.answers |= load(place, left)
            reading.bypassed |= dict.fromkeys(left, "breaker")
        else:
            self.gate.succeed()
        reading.count(keys)
        return {key: reading.answers[key] for key in keys}

    def _bypass(self, place: Place[K, V], keys: Sequence[K], reason: str) -> dict[K, V]:
        counts.add(place.question.name, "bypass", reason, len(keys))
        return load(place, keys)

    def _forget(self, owed: Mapping[str, Entries]) -> None:
        """Remove cells, and with the last of them or after it the generations (F2, F3)."""
        places: list[Place[Any, Any]] = []
        names: list[bytes] = []
        whole: list[Place[Any, Any]] = []
        for cause, entries in owed.items():
            for question, keys in entries.some():
                place = self._place(question)
                places.append(place)
                names += place.names(list(keys))
                counts.add(question.name, "forgot", cause, len(keys))
            for question in entries.whole():
                whole.append(self._place(question))
                counts.add(question.name, "forgot_all", cause)
        for place in whole:
            for found in self.store.scan(place.prefix):
                self.store.unlink(found)
        generations = [place.generation for place in {*places, *whole}]
        self.store.unlink(names, last=generations)
        at = clock.monotonic()
        for place in {*places, *whole}:
            place.near.unsee(at)

    def _prepare(self) -> bool:
        """Make new connections and forget everything that the outbox shows (X3)."""
        self.store.close()
        if identity(self.database, again=True).is_replica:
            message = f"database '{self.database}' is a replica, or in recovery"
            raise CacheUnavailable("replica", message, closes=True)
        self.store.ask_server()
        for place in list(self._places.values()):
            place.near.unsee(clock.monotonic())
        return drain(
            self.database,
            self.declared,
            lambda entries: self._forget({"outbox": entries}),
            waits=True,
            seconds=DRAIN_SECONDS,
        ).is_complete
