"""Moment: what the generations said when a look-up asked, once for all of its questions (R2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflow_engine import clock
from workflow_engine.caches.cell import NONCE_BYTES
from workflow_engine.caches.coherence.place import Place
from workflow_engine.caches.near import Standing, Tag
from workflow_engine.caches.stores.base import CellStore, Taken
from workflow_engine.conf import options


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came with the generations.

    Attributes:
        cells: Those of the names that were asked for in the same command.
        incarnation: Of the server that answered.
        absent: Generations that vouch for nothing (R5).
    """

    cells: list[bytes | None]
    incarnation: bytes
    absent: list[bytes]


class Moment:
    """Vouches for near copies during one look-up; nothing read before it is vouched for.

    Attributes:
        places: Of all questions that the look-up may ask.
        standings: What stands, by name of the question; empty until it was asked.
    """

    __slots__ = ("places", "standings")

    def __init__(self, places: Sequence[Place[Any, Any]]) -> None:
        """Vouch for nothing yet."""
        self.places = places
        self.standings: dict[str, Standing[Any, Any]] = {}

    def turn(self, tags: Sequence[Tag], asked_at: float) -> None:
        """Let stand what stands under the tags just seen, one for each place."""
        for place, tag in zip(self.places, tags, strict=True):
            standing = place.near.turn(tag, asked_at)
            self.standings[place.question.name] = standing

    def trust(self, since: float) -> bool:
        """Let stand what was vouched for since a monotonic moment; say whether all was."""
        if any(place.near.seen_at < since for place in self.places):
            return False
        for place in self.places:
            self.standings[place.question.name] = place.near.standing
        return True

    def ask(
        self, store: CellStore, names: Sequence[bytes], *, renewing: Sequence[bytes]
    ) -> Asked:
        """Read the generations, and cells, by one command; `renewing` are set before it."""
        asked_at = clock.monotonic()
        generations = [place.generation for place in self.places]
        reply = store.read([*generations, *names], renewing=renewing)
        found = dict(zip(generations, reply.cells, strict=False))
        self._turn(found, reply.incarnation, asked_at)
        return Asked(
            cells=reply.cells[len(generations) :],
            incarnation=reply.incarnation,
            absent=[name for name in generations if not _is_nonce(found[name])],
        )

    def renew(self, taken: Taken, asked_at: float) -> None:
        """Let stand, from now on, what is read after generations were set anew.

        They vouch for nothing that this look-up read before them.
        """
        if not taken.renewed:
            return
        places = [one for one in self.places if one.generation in taken.renewed]
        for place in places:
            nonce = taken.renewed[place.generation]
            tag = (taken.incarnation, nonce, place.question.codec.schema)
            standing = place.near.turn(tag, asked_at)
            self.standings[place.question.name] = standing

    def _turn(
        self, found: Mapping[bytes, bytes | None], incarnation: bytes, asked_at: float
    ) -> None:
        tags: list[Tag] = []
        for place in self.places:
            nonce = found[place.generation]
            schema = place.question.codec.schema
            tags.append((incarnation, nonce, schema) if _is_nonce(nonce) else None)
        self.turn(tags, asked_at)


def _is_nonce(generation: bytes | None) -> bool:
    return generation is not None and len(generation) == NONCE_BYTES


def trusted_since() -> float:
    """Return the monotonic moment from which on what was vouched for still counts."""
    seconds = options.NEAR_MAX_STALENESS
    return clock.monotonic() - seconds if seconds else float("inf")
