"""Cells: the coherence of a process whose entries are in Redis.

The protocol on one page is `caches/README.md`; here is what one process does of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar

from workflow_engine import clock
from workflow_engine.author import author
from workflow_engine.caches.coherence.base import Peeked, cause_of
from workflow_engine.caches.coherence.filling import load
from workflow_engine.caches.coherence.forgotten import tell
from workflow_engine.caches.coherence.gate import LASTING, Gate
from workflow_engine.caches.coherence.moment import Group, Moment
from workflow_engine.caches.coherence.peeking import peek
from workflow_engine.caches.coherence.place import Place
from workflow_engine.caches.coherence.places import Places
from workflow_engine.caches.coherence.reading import Reading
from workflow_engine.caches.database import identity, in_transaction, is_same
from workflow_engine.caches.declared import Declared, Questions
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.near import Near
from workflow_engine.caches.outbox import Owing, drain, keep_alive
from workflow_engine.caches.question import Question
from workflow_engine.caches.stores.base import CellStore, Server
from workflow_engine.conf import options
from workflow_engine.exceptions import CacheUnavailable
from workflow_engine.metrics.counts import counts

logger = logging.getLogger(__name__)

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
        self._places = Places(Near(options.NEAR_ENTRIES), self._prefix)

    def moment(self, questions: Questions) -> Moment:
        # What did not say who it is, is not asked again by every look-up.
        if self.gate.passes() or self.gate.reason not in LASTING:
            try:
                return self._places.moment(questions)
            except CacheUnavailable:
                pass  # the gate counts it, when it tries to open
        return Moment(Group(()))  # of no place: the database answers

    def read(
        self, question: Question[K, V], keys: Sequence[K], moment: Moment
    ) -> dict[K, V]:
        if not self.gate.passes() or not moment.group.places:
            moment.note(question.name, is_near=False)
            counts.add(question.name, "bypass", self.gate.reason, len(keys))
            return load(question, keys)
        if moment.standings or moment.trust():
            standing = moment.standings[question.name]
            values = standing.values
            try:
                answers = {key: values[key] for key in keys}
            except KeyError:
                pass  # some must be read
            else:
                moment.note(question.name, is_near=True)
                counts.add(question.name, "hit", "near", len(keys))
                empty = standing.empty
                if empty:
                    number = len(empty.intersection(keys))
                    counts.add(question.name, "empty", "", number)
                return answers
        return self._read(self._places.of(question), keys, moment)

    def kept(self, name: Any, keys: Sequence[K], moment: Moment) -> dict[K, Any] | None:
        if not moment.group.kept.count or not self.gate.is_open:
            return None
        if not moment.standings and not moment.trust():
            try:
                moment.ask(self.store, ())
            except CacheUnavailable as error:
                self.gate.fail(error)
                return None
            self.gate.succeed()
        return moment.kept(name, keys)

    def forget(self, entries: Entries, cause: str) -> dict[str, int]:
        if not self.gate.may_pay():
            message = "the cache is closed: its server failed, or is not known yet"
            raise CacheUnavailable(self.gate.reason, message)
        with self._closing():
            entries.author = entries.author or author()
            there = self._forget((entries,))
            tell(entries, cause)
        return there

    def settle(self, using: str, owed: Mapping[str, Entries]) -> bool:
        try:
            with self._closing():
                return self._settle(using, owed)
        except CacheUnavailable:
            return False

    def _settle(self, using: str, owed: Mapping[str, Entries]) -> bool:
        if not is_same(using, self.database):
            return True  # another database: nothing in it is an answer here
        if not self.gate.may_pay():
            self.gate.leave()
            return False
        self._forget(owed.values())
        for cause, entries in owed.items():
            tell(entries, cause)
        # The commit of a test case is played inside a transaction: what it owes is not
        # committed, and no other process may see it.
        if in_transaction(using) or self._drain(using, owed.values()):
            return True
        counts.add("", "error", "outbox")
        self.gate.close()
        return False

    @contextmanager
    def _closing(self) -> Iterator[None]:
        """Close the gate on an error inside: something may not have been forgotten (X3)."""
        try:
            yield
        except CacheUnavailable as error:
            self.gate.fail(error)
            self.gate.close(error)
            raise
        except BaseException as error:
            self.gate.close(error)
            raise

    def sweep(self) -> int:
        if not self.gate.passes():
            return 0
        try:
            drained = drain(
                self.database,
                self.declared,
                self._paying("sweep", self.database),
                waits=False,
                seconds=SWEEP_SECONDS,
            )
        except CacheUnavailable as error:
            self.gate.fail(error)
            raise
        return drained.rows

    def peek(self, question: Question[Any, Any], key: Any) -> Peeked:
        return peek(self._places.of(question), self.store, self._places.near, key)

    def suffixes(self, question: Question[Any, Any]) -> Iterator[list[str]]:
        place = self._places.of(question)
        for names in self.store.scan(place.prefix):
            yield [
                name.removeprefix(place.prefix).decode()
                for name in names
                if name != place.generation
            ]

    def server(self) -> Server:
        return self.store.ask_server()

    def _prefix(self) -> str:
        """Return the beginning of every name, once it is known for good."""
        found = identity(self.database)
        if not found.is_migrated:
            message = f"database '{self.database}' has no outbox yet; run migrate"
            raise CacheUnavailable("no_identity", message, closes=True)
        return f"{options.CACHE_PREFIX}:{found.hash}:"

    def _read(
        self, place: Place[K, V], keys: Sequence[K], moment: Moment
    ) -> dict[K, V]:
        reading: Reading[K, V] = Reading(place, self.store, self._places.near)
        try:
            reading.run(keys, moment)
        except CacheUnavailable as error:
            self.gate.fail(error)
            left = [key for key in keys if key not in reading.answers]
            reading.answers |= load(place.question, left)
            reading.bypassed |= dict.fromkeys(left, "breaker")
        else:
            self.gate.succeed()
        reading.count()
        return {key: reading.answers[key] for key in keys}

    def _forget(
        self, owed: Collection[Entries], alive: Callable[[], None] = lambda: None
    ) -> dict[str, int]:
        """Remove cells, and with the last of them or after it the generations (F2, F3).

        `alive` is called in between when it takes long. Returns how many were there, by
        name of each access that was forgotten whole.
        """
        some = [
            (self._places.of(question), keys, entries)
            for entries in owed
            for question, keys in entries.some()
        ]
        names: list[bytes] = []
        for place, keys, entries in some:
            try:
                names += place.names(list(keys))
            except Exception:
                counts.add(place.question.name, "error", "resolve")
                logger.exception(
                    "Entries have no name; all of their access are forgotten.",
                    extra={"action": "forget", "access": place.question.name},
                )
                entries.add_all(place.question)
        whole = {
            self._places.of(question)
            for entries in owed
            for question in entries.whole()
        }
        there = {place.question.name: 0 for place in whole}
        for place in whole:
            for found in self.store.scan(place.prefix):
                self.store.unlink(found)
                number = len(found) - found.count(place.generation)
                there[place.question.name] += number
                alive()
        touched = {place for place, *_ in some} | whole
        self.store.unlink(names, last=[place.generation for place in touched])
        at = clock.monotonic()
        for place in touched:
            place.near.unsee(at)
        for place, keys, _ in some:
            place.near.drop(keys)
        for place in whole:
            place.near.clear()
        return there

    def _prepare(self) -> bool:
        """Make new connections and forget everything that the outbox shows (X3)."""
        self.store.close()
        if identity(self.database, again=True).is_replica:
            message = f"database '{self.database}' is a replica, or in recovery"
            raise CacheUnavailable("replica", message, closes=True)
        self.store.ask_server()
        is_complete = self._drain(self.database)
        self._places.unsee()
        return is_complete

    def _drain(self, using: str, told: Collection[Entries] = ()) -> bool:
        """Forget everything that the outbox shows, waiting; say whether it was all (O3).

        What the commit that pays has forgotten itself, and told of, is not told again.
        """
        return drain(
            using,
            self.declared,
            self._paying("outbox", using, told),
            waits=True,
            seconds=DRAIN_SECONDS,
        ).is_complete

    def _paying(
        self, kind: str, using: str, told: Collection[Entries] = ()
    ) -> Callable[[Owing], None]:
        """Return what a drain forgets by."""
        alive = partial(keep_alive, using)

        def pay(owing: Owing) -> None:
            self._forget(owing.values(), alive)
            for model, entries in owing.items():
                tell(entries.besides(told), cause_of(kind, model))

        return pay
