"""Moment: what the generations said when a look-up asked, once for all of its questions (R2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflow_engine import clock
from workflow_engine.caches.cell import NONCE_BYTES
from workflow_engine.caches.coherence.place import Place
from workflow_engine.caches.near import Standing, Tag
from workflow_engine.caches.stores.base import CellStore
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

    def ask(self, store: CellStore, names: Sequence[bytes]) -> Asked:
        """Read the generations, and cells, by one command."""
        asked_at = clock.monotonic()
        generations = [place.generation for place in self.places]
        reply = store.read([*generations, *names])
        found = reply.cells[: len(generations)]
        self.turn(
            [
                (reply.incarnation, cell, place.question.codec.schema)
                if cell is not None and len(cell) == NONCE_BYTES
                else None
                for place, cell in zip(self.places, found, strict=True)
            ],
            asked_at,
        )
        absent = [
            name
            for name, cell in zip(generations, found, strict=True)
            if cell is None or len(cell) != NONCE_BYTES
        ]
        return Asked(
            cells=reply.cells[len(generations) :],
            incarnation=reply.incarnation,
            absent=absent,
        )


def trusted_since() -> float:
    """Return the monotonic moment from which on what was vouched for still counts."""
    seconds = options.NEAR_MAX_STALENESS
    return clock.monotonic() - seconds if seconds else float("inf")
