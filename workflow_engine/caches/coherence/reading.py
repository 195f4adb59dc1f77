"""Reading: one read of some entries, from the first command to the last answer (R2 to R7).

A key ends in exactly one way: a hit (a near copy, a cell, or one that another reader filled
while we waited), a miss (loaded under our own permit) or a bypass (loaded, not stored).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Generic, TypeVar

import msgspec

from workflow_engine import clock
from workflow_engine.caches.cell import (
    COMPARED_BYTES,
    FILLED_AT,
    PAYLOAD_AT,
    PERMIT,
    SCHEMA_AT,
    VALUE,
    is_permit,
)
from workflow_engine.caches.coherence.filling import fill, load, load_under
from workflow_engine.caches.coherence.moment import Moment
from workflow_engine.caches.coherence.place import Place
from workflow_engine.caches.metrics import counts
from workflow_engine.caches.near import Copy, Near
from workflow_engine.caches.stores.base import CellStore, Taken
from workflow_engine.conf import options

K = TypeVar("K")
V = TypeVar("V")

#: Between looks at a cell that another reader is filling.
POLL_SECONDS: Final = (0.0, 0.005, 0.01, 0.02)

#: Why a cell answered nothing, where that may be somebody who is filling it.
PERMITTED: Final = "permit"


class Reading(Generic[K, V]):
    """Answers for the keys of one question.

    Attributes:
        answers: By key, of every key that was answered.
        missing: Of each other key whose cell was judged, why it answers nothing.
        missed: Of the keys that were loaded and might be stored, why they were.
        bypassed: Of the keys that were loaded and must not be stored, why not.
        near: How many answers are standing copies.
    """

    def __init__(self, place: Place[K, V], store: CellStore, near: Near) -> None:
        """Answer nothing yet."""
        self._place = place
        self._store = store
        self._near = near
        self._codec = place.question.codec
        self._schema = place.question.codec.schema
        self.answers: dict[K, V] = {}
        self.missing: dict[K, str] = {}
        self.missed: dict[K, str] = {}
        self.bypassed: dict[K, str] = {}
        self._copies: list[tuple[K, Copy]] = []
        self.near = 0

    def run(self, keys: Sequence[K], moment: Moment) -> None:
        """Answer every key; `moment` vouches for near copies.

        Raises:
            CacheUnavailable: The server did not answer; some keys may have answers.
            Exception: Whatever `load` raises.
        """
        absent: list[bytes] = []
        left: Sequence[K] = keys
        if self._near.bound:
            absent, left = self._vouch(keys, moment)
        if left and absent:
            asked = moment.ask(self._store, self._place.names(left), renewing=absent)
            self.judge(left, asked.cells, asked.incarnation)
            self._keep(moment)
            absent = []
        elif left:
            reply = self._store.read(self._place.names(left))
            self.judge(left, reply.cells, reply.incarnation)
            self._keep(moment)
        if self.missing or absent:
            self.complete(absent, moment)

    def _vouch(
        self, keys: Sequence[K], moment: Moment
    ) -> tuple[list[bytes], Sequence[K]]:
        """Read the generations unless they are known; answer by what stands.

        Returns the generations that are absent, and the keys whose cells must be read.
        """
        copies = self._place.near.copies
        absent: list[bytes] = []
        left = keys
        if not moment.standings:
            first = [key for key in keys if key not in copies]
            left = [key for key in keys if key in copies]
            asked = moment.ask(self._store, self._place.names(first), renewing=())
            self.judge(first, asked.cells, asked.incarnation)
            self._keep(moment)
            absent = asked.absent
        values = moment.standings[self._place.question.name].values
        stood = {key: values[key] for key in left if key in values}
        self.near = len(stood)
        self.answers |= stood
        return absent, [key for key in left if key not in stood]

    def _keep(self, moment: Moment) -> None:
        """Keep what was just read, under what vouches for it."""
        question = self._place.question
        standing = moment.standings.get(question.name)
        if standing is not None:
            self._near.keep(
                self._place.near, standing, self._copies, question.empties
            )
        self._copies = []

    def judge(
        self, keys: Sequence[K], cells: Iterable[bytes | None], incarnation: bytes
    ) -> None:
        """Answer what usable cells answer; the rest is missing."""
        usable = VALUE + incarnation
        schema, known = self._schema, self._place.near.copies
        for key, cell in zip(keys, cells, strict=True):
            if cell is None:
                self.missing[key] = "absent"
            elif not cell.startswith(usable) or cell[SCHEMA_AT:FILLED_AT] != schema:
                self.missing[key] = _why_unusable(cell, incarnation)
            else:
                header = cell[:COMPARED_BYTES]
                copy = known.get(key)
                if copy is None or copy.header != header:
                    try:
                        copy = Copy(header, self._codec.decode(cell[PAYLOAD_AT:]))
                    except (msgspec.MsgspecError, ValueError):
                        self.missing[key] = "undecodable"
                        continue
                self.answers[key] = copy.value
                self._copies.append((key, copy))

    def complete(self, renewing: Sequence[bytes], moment: Moment) -> None:
        """Answer what is missing, from the database or by waiting; renews generations."""
        reasons, self.missing = self.missing, {}
        names = dict(zip(reasons, self._place.names(list(reasons)), strict=True))
        odd = [key for key, why in reasons.items() if why not in {"absent", PERMITTED}]
        asked_at = clock.monotonic()
        taken = self._store.take(
            list(names.values()),
            life_ms=int(options.CACHE_PERMIT_SECONDS * 1000),
            dropping=[names[key] for key in odd],
            renewing=renewing,
        )
        moment.renew(taken, asked_at)
        mine = {
            key: taken.permits[name]
            for key, name in names.items()
            if name in taken.permits
        }
        others = {key: name for key, name in names.items() if key not in mine}
        if mine:
            loaded = load_under(self._place, self._store, mine)
            self.answers |= loaded
            # A permit that was seen and has gone left an entry that is absent.
            self.missed = {
                key: "absent" if reasons[key] == PERMITTED else reasons[key]
                for key in mine
            }
            self._copies = fill(self._place, self._store, mine, loaded)
            self._keep(moment)
        if others:
            self._follow(others, taken)
            self._keep(moment)

    def count(self, keys: Sequence[K]) -> None:
        """Count how every key ended."""
        name = self._place.question.name
        for counter, ends in (("miss", self.missed), ("bypass", self.bypassed)):
            for reason, number in Counter(ends.values()).items():
                counts.add(name, counter, reason, number)
        hits = len(keys) - len(self.missed) - len(self.bypassed)
        counts.add(name, "hit", "near", self.near)
        counts.add(name, "hit", "cell", hits - self.near)
        empties = self._place.question.empties
        empty = [
            key
            for key, answer in self.answers.items()
            if answer in empties and key not in self.missed
        ]
        counts.add(name, "empty", "", sum(key not in self.bypassed for key in empty))

    def _follow(self, others: dict[K, bytes], taken: Taken) -> None:
        """Wait for what others are filling; what does not come is loaded and not stored."""
        left = others if taken.is_full else self._wait(others)
        if not left:
            return
        reason = "full" if taken.is_full else "busy"
        self.answers |= load(self._place, list(left))
        self.bypassed |= dict.fromkeys(left, reason)
        if taken.is_full:
            counts.add(self._place.question.name, "refused", "oom", len(left))

    def _wait(self, names: dict[K, bytes]) -> dict[K, bytes]:
        """Return the names that hold no value within CACHE_WAIT_SECONDS."""
        left = names
        waited_out = self._place.waited_out
        held: dict[K, bytes] = {}
        for seconds in _pauses(options.CACHE_WAIT_SECONDS):
            clock.pause(seconds)
            reply = self._store.read(list(left.values()))
            self.judge(list(left), reply.cells, reply.incarnation)
            reasons, self.missing = self.missing, {}
            cells = dict(zip(left, reply.cells, strict=True))
            left = {key: names[key] for key in reasons}
            held = {
                key: cells[key] or b""
                for key, why in reasons.items()
                if why == PERMITTED
            }
            if all(waited_out.get(names[key]) == held[key] for key in held):
                break
        else:
            for key, permit in held.items():
                self._place.give_up(names[key], permit)
        odd = [names[key] for key in left if key not in held]
        if odd:
            self._store.unlink(odd)
        return left


def _why_unusable(cell: bytes, incarnation: bytes) -> str:
    if is_permit(cell, incarnation):
        return PERMITTED
    if not cell.startswith((VALUE, PERMIT)) or len(cell) < PAYLOAD_AT:
        return "undecodable"
    if not cell.startswith(VALUE + incarnation):
        return "incarnation"
    return "schema"


def _pauses(seconds: float) -> Iterator[float]:
    """Yield the pauses between looks, in all no more than `seconds`."""
    left = seconds
    for place in range(len(POLL_SECONDS) + int(seconds / POLL_SECONDS[-1]) + 1):
        pause = min(POLL_SECONDS[min(place, len(POLL_SECONDS) - 1)], left)
        if place and pause <= 0:
            return
        yield pause
        left -= pause
