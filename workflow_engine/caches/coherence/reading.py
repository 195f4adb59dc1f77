"""Reading: one read of some entries, from the first command to the last answer (R2 to R7).

A key ends in exactly one way: a hit (a near copy, a cell, or one that another reader filled
while we waited), a miss (loaded under our own permit) or a bypass (loaded, not stored).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, Generic, TypeVar

import msgspec

from workflow_engine import clock
from workflow_engine.caches.cell import (
    COMPARED_BYTES,
    FILLED_AT,
    PAYLOAD_AT,
    PERMIT,
    PERMIT_BYTES,
    SCHEMA_AT,
    VALUE,
    is_permit,
)
from workflow_engine.caches.coherence.filling import fill, holding, load
from workflow_engine.caches.coherence.moment import Moment
from workflow_engine.caches.coherence.place import Place
from workflow_engine.caches.near import Copy, Near
from workflow_engine.caches.stores.base import CellStore, Reply, Taken
from workflow_engine.conf import options
from workflow_engine.metrics.counts import counts

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
        stood: How many answers are standing copies.
        cells_read: How many cells came.
        bytes_read: How large they were together.
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
        self.stood = 0
        self.cells_read = 0
        self.bytes_read = 0

    def run(self, keys: Sequence[K], moment: Moment) -> None:
        """Answer every key; `moment` vouches for near copies.

        Raises:
            CacheUnavailable: The server did not answer; some keys may have answers.
            Exception: Whatever `load` raises.
        """
        left = self._vouch(keys, moment) if self._near.bound else keys
        moment.note(self._place.question.name, is_near=self.stood == len(keys))
        if left and moment.absent:
            reply = moment.ask(self._store, self._place.names(left))
            self.judge(left, reply)
        elif left:
            self.judge(left, self._store.read(self._place.names(left)))
        self._keep(moment)
        if self.missing or moment.absent:
            self.complete(moment)

    def _vouch(self, keys: Sequence[K], moment: Moment) -> Sequence[K]:
        """Answer by copies that stand, and by the cells of keys without a copy.

        Returns the keys whose copies must be compared, or whose cells are not read yet.
        """
        left = keys
        if not moment.standings:
            copies = self._place.near.copies
            first = [key for key in keys if key not in copies]
            reply = moment.ask(self._store, self._place.names(first))
            if first:
                asked = set(first)
                left = [key for key in keys if key not in asked]
                self.judge(first, reply)
                self._keep(moment)
        stood = moment.standings[self._place.question.name].some(left)
        self.answers |= stood
        self.stood = len(stood)
        if len(stood) == len(left):
            return ()
        return [key for key in left if key not in stood]

    def _keep(self, moment: Moment) -> None:
        """Keep what was just read, under what vouches for it."""
        question = self._place.question
        standing = moment.standings.get(question.name)
        if standing is not None and self._copies:
            self._near.keep(self._place.near, standing, self._copies, question.empties)
            self._copies = []

    def judge(self, keys: Sequence[K], reply: Reply) -> None:
        """Answer what usable cells answer; the rest is missing."""
        self._place.reigns.meet(reply.incarnation)
        self.cells_read += len(reply.cells) - reply.cells.count(None)
        self.bytes_read += sum(map(len, filter(None, reply.cells)))
        if not self._near.bound and self._judge_at_once(keys, reply):
            return
        incarnation = reply.incarnation
        usable = VALUE + incarnation
        schema, decode = self._schema, self._codec.decode
        keeps, known = self._near.bound, self._place.near.copies
        answers, copies = self.answers, self._copies
        for key, cell in zip(keys, reply.cells, strict=True):
            if cell is None:
                self.missing[key] = "absent"
            elif not cell.startswith(usable) or cell[SCHEMA_AT:FILLED_AT] != schema:
                self.missing[key] = _why_unusable(cell, incarnation)
            else:
                copy = known.get(key) if keeps else None
                if copy is not None and cell.startswith(copy.header):
                    answers[key] = copy.value
                    copies.append((key, copy))
                    continue
                try:
                    value = answers[key] = decode(cell[PAYLOAD_AT:])
                except (msgspec.MsgspecError, ValueError):
                    self.missing[key] = "undecodable"
                    continue
                if keeps:
                    copies.append((key, Copy(cell[:COMPARED_BYTES], value)))

    def _judge_at_once(self, keys: Sequence[K], reply: Reply) -> bool:
        """Answer all keys if all cells are usable, and say so: the way of a warm cache."""
        usable, schema = VALUE + reply.incarnation, self._schema
        if None in reply.cells:
            return False
        payloads = [
            cell[PAYLOAD_AT:]
            for cell in reply.cells
            if cell is not None
            and cell.startswith(usable)
            and cell[SCHEMA_AT:FILLED_AT] == schema
        ]
        if len(payloads) != len(keys):
            return False
        try:
            answers = self._codec.decode_many(payloads)
        except (msgspec.MsgspecError, ValueError):
            return False
        self.answers.update(zip(keys, answers, strict=True))
        return True

    def complete(self, moment: Moment) -> None:
        """Answer what is missing, from the database or by waiting; renews generations."""
        reasons, self.missing = self.missing, {}
        names = dict(zip(reasons, self._place.names(list(reasons)), strict=True))
        odd = [key for key, why in reasons.items() if why not in {"absent", PERMITTED}]
        if "incarnation" in reasons.values():
            self._store.refresh()  # it may be this connection that is out of date (X2)
        asked_at = clock.monotonic()
        taken = self._store.take(
            list(names.values()),
            life_ms=int(options.CACHE_PERMIT_SECONDS * 1000),
            dropping=[names[key] for key in odd],
            renewing=moment.absent,
        )
        moment.renew(taken, asked_at)
        mine = {
            key: taken.permits[name]
            for key, name in names.items()
            if name in taken.permits
        }
        others = {key: name for key, name in names.items() if key not in mine}
        counts.add(self._place.question.name, "permit", "taken", len(mine))
        if mine:
            # A permit that was seen and has gone left an entry that is absent.
            self.missed = {
                key: "absent" if reasons[key] == PERMITTED else reasons[key]
                for key in mine
            }
            with holding(self._place, self._store, mine):
                loaded = load(self._place.question, list(mine))
                self.answers |= loaded
                self._copies = fill(self._place, self._store, mine, loaded)
            self._keep(moment)
        if others:
            self._follow(others, taken)
            self._keep(moment)

    def count(self) -> None:
        """Count how every key ended."""
        question = self._place.question
        name = question.name
        hits = list(self.answers.values())
        if self.missed or self.bypassed:
            for counter, ends in (("miss", self.missed), ("bypass", self.bypassed)):
                for reason, number in Counter(ends.values()).items():
                    counts.add(name, counter, reason, number)
            loaded = self.missed.keys() | self.bypassed.keys()
            hits = [value for key, value in self.answers.items() if key not in loaded]
        counts.add(name, "hit", "near", self.stood)
        counts.add(name, "hit", "cell", len(hits) - self.stood)
        counts.add(name, "empty", "", sum(map(hits.count, question.empties)))
        size = self.bytes_read
        counts.sum(name, "bytes", "read", count=self.cells_read, total=size)

    def _follow(self, others: dict[K, bytes], taken: Taken) -> None:
        """Wait for what others are filling; what does not come is loaded and not stored."""
        left = others if taken.is_full else self._wait(others)
        name = self._place.question.name
        counts.add(name, "permit", "waited", len(others) - len(left))
        if not left:
            return
        reason = "full" if taken.is_full else "busy"
        self.answers |= load(self._place.question, list(left))
        self.bypassed |= dict.fromkeys(left, reason)
        if taken.is_full:
            counts.add(name, "refused", "oom", len(left))

    def _wait(self, names: dict[K, bytes]) -> dict[K, bytes]:
        """Return the names that hold no value within CACHE_WAIT_SECONDS."""
        left = names
        waited_out = self._place.waited_out
        held: dict[K, bytes] = {}
        for seconds in _pauses(options.CACHE_WAIT_SECONDS):
            clock.pause(seconds)
            reply = self._store.read(list(left.values()))
            self.judge(list(left), reply)
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
    is_value = cell.startswith(VALUE) and len(cell) >= PAYLOAD_AT
    if not is_value and not (cell.startswith(PERMIT) and len(cell) == PERMIT_BYTES):
        return "undecodable"
    return "schema" if cell.startswith(VALUE + incarnation) else "incarnation"


def _pauses(seconds: float) -> Iterator[float]:
    """Yield the pauses between looks, in all no more than `seconds`."""
    left = seconds
    for place in range(len(POLL_SECONDS) + int(seconds / POLL_SECONDS[-1]) + 1):
        pause = min(POLL_SECONDS[min(place, len(POLL_SECONDS) - 1)], left)
        if place and pause <= 0:
            return
        yield pause
        left -= pause
