"""Moment: what the generations said when a look-up asked, once for all of its questions (R2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import is_
from typing import Any, TypeVar

from workflow_engine import clock
from workflow_engine.caches.cell import NONCE_BYTES
from workflow_engine.caches.coherence.place import Place
from workflow_engine.caches.near import Standing, Tag
from workflow_engine.caches.stores.base import CellStore, Reply, Taken
from workflow_engine.conf import options
from workflow_engine.metrics.counts import counts

K = TypeVar("K")


class Kept:
    """Answers made of copies that stand, and of nothing else; they stand as long as these.

    Attributes:
        standings: What the copies stood under, by question.
        answers: By the name they were kept under, and key.
        count: How many those are.
    """

    __slots__ = ("answers", "count", "standings")

    def __init__(self, standings: Iterable[Standing[Any, Any]] = ()) -> None:
        """Keep no answer yet."""
        self.standings = tuple(standings)
        self.answers: dict[Any, dict[Any, Any]] = {}
        self.count = 0


class Group:
    """Questions that are asked together, again and again.

    Attributes:
        places: Where their entries are.
        generations: Names of what vouches for their near copies.
        kept: Answers made of the near copies of several of them.
    """

    def __init__(self, places: Sequence[Place[Any, Any]]) -> None:
        """Keep no answer yet."""
        self.places = tuple(places)
        self.generations = [place.generation for place in places]
        self.kept = Kept()


class Moment:
    """Vouches for near copies during one look-up; nothing read before it is vouched for.

    Attributes:
        group: The questions that the look-up may ask.
        standings: What stands, by name of the question; empty until it was asked.
        absent: Generations that vouch for nothing and are to be set by the next command.
        near: By name of each question asked, whether every answer was a standing copy.
    """

    __slots__ = ("absent", "group", "near", "standings")

    def __init__(self, group: Group) -> None:
        """Vouch for nothing yet."""
        self.group = group
        self.standings: dict[str, Standing[Any, Any]] = {}
        self.absent: Sequence[bytes] = ()
        self.near: dict[str, bool] = {}

    def trust(self) -> bool:
        """Let stand what was vouched for in the last NEAR_MAX_STALENESS seconds, if all was."""
        seconds = options.NEAR_MAX_STALENESS
        if not seconds:
            return False
        since = clock.monotonic() - seconds
        standings: dict[str, Standing[Any, Any]] = {}
        for place in self.group.places:
            standing = place.near.trusted(since)
            if standing is None:
                return False
            standings[place.question.name] = standing
        self.standings = standings
        return True

    def ask(self, store: CellStore, names: Sequence[bytes]) -> Reply:
        """Read the generations, and return the cells that were read with them.

        What was absent before is set by the same command, ahead of the reads, and vouches
        for them.
        """
        generations = self.group.generations
        asked_at = clock.monotonic()
        renewed = self.absent
        reply = store.read([*generations, *names], renewing=self.absent)
        incarnation, cells = reply.incarnation, reply.cells
        self.group.places[0].reigns.meet(incarnation)
        self.absent = [
            name
            for name, nonce in zip(generations, cells, strict=False)
            if nonce is None or len(nonce) != NONCE_BYTES
        ]
        for place, nonce in zip(self.group.places, cells, strict=False):
            is_nonce = nonce is not None and len(nonce) == NONCE_BYTES
            tag = _tag(place, nonce if is_nonce else None, incarnation)
            if place.generation not in renewed:  # else this look-up has set it itself
                _count(place, tag)
            self._turn(place, tag, asked_at)
        return Reply(incarnation, cells[len(generations) :])

    def turn_all(self, tag: Tag, asked_at: float) -> None:
        """Let stand, for every question, what stands under one tag."""
        for place in self.group.places:
            _count(place, tag)
            self._turn(place, tag, asked_at)

    def renew(self, taken: Taken, asked_at: float) -> None:
        """Let generations that were set vouch for what is read from now on."""
        self.absent = ()
        for place in self.group.places:
            nonce = taken.renewed.get(place.generation)
            if nonce is not None:
                self._turn(place, _tag(place, nonce, taken.incarnation), asked_at)

    def _turn(self, place: Place[Any, Any], tag: Tag, asked_at: float) -> None:
        self.standings[place.question.name] = place.near.turn(tag, asked_at)

    def note(self, name: str, *, is_near: bool) -> None:
        """Note whether a question was now answered by standing copies alone."""
        self.near[name] = is_near and self.near.get(name, True)

    def kept(self, name: Any, keys: Sequence[K]) -> dict[K, Any] | None:
        """Return the answers that were kept under a name, if all of them stand, or None."""
        kept = self.group.kept
        if not self._stands(kept):
            return None
        answers = kept.answers.get(name, {})
        try:
            return {key: answers[key] for key in keys}
        except KeyError:
            return None

    def keep(self, name: Any, answers: dict[Any, Any]) -> None:
        """Keep answers under a name, if they were made of standing copies alone."""
        standings = self.standings.values()
        if [self.near.get(one) for one in self.standings] != [True] * len(
            self.group.places
        ):
            return
        if any(one.tag is None for one in standings):
            return
        kept = self.group.kept
        if not self._stands(kept) or kept.count >= options.NEAR_ENTRIES:
            kept = self.group.kept = Kept(standings)
        known = kept.answers.setdefault(name, {})
        kept.count += len(answers.keys() - known.keys())
        known.update(answers)

    def _stands(self, kept: Kept) -> bool:
        standings = self.standings.values()
        return len(kept.standings) == len(standings) and all(
            map(is_, kept.standings, standings)
        )


def _count(place: Place[Any, Any], tag: Tag) -> None:
    """Count what was read of a generation, before it vouches for anything."""
    name = place.question.name
    if tag is None:
        counts.add(name, "generation", "missing")
    elif tag == place.near.standing.tag:
        counts.add(name, "generation", "unchanged")
    else:
        counts.add(name, "generation", "changed")


def _tag(place: Place[Any, Any], nonce: bytes | None, incarnation: bytes) -> Tag:
    schema = place.question.codec.schema
    return None if nonce is None else (incarnation, nonce, schema)
