"""Forgets: what was forgotten lately and because of what, noted in the memory of this process.

Counted are all; of the notes only so many are kept until they are written down.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from workflow_engine.conf import options
from workflow_engine.models.cache_forget import CacheForget, joined

#: Between two times they are written down.
MOST_NOTES: Final = 500

#: Keys and rows that one note names.
MOST_NAMED: Final = 20

#: As the columns have it.
MOST_LETTERS: Final = 64
MOST_AUTHOR_LETTERS: Final = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """Some entries of one access that were forgotten together.

    Attributes:
        at: When.
        access: Name of the access.
        cause: Such as "save:workflow"; what stands behind the colon is a model.
        count: How many entries; None = all of the access.
        keys: Some of their keys, as people type them.
        is_cut: Whether there are more keys than are named.
        rows: Some primary keys of rows of the model, as far as they are known.
        author: Who wrote them in the admin; "" = unknown.
    """

    at: datetime
    access: str
    cause: str
    count: int | None
    keys: tuple[str, ...] = ()
    is_cut: bool = False
    rows: tuple[str, ...] = ()
    author: str = ""


class Forgets:
    """Notes since they were last taken; threads share it."""

    def __init__(self) -> None:
        """Hold none."""
        self._lock = threading.Lock()
        self._notes: deque[Forgotten] = deque(maxlen=MOST_NOTES)  # guarded by _lock
        os.register_at_fork(after_in_child=self._leave_parent)

    def note(self, forgotten: Forgotten) -> None:
        """Keep a note, unless nothing is to be counted; the oldest gives way."""
        if not options.METRICS:
            return
        with self._lock:
            self._notes.append(forgotten)

    def take(self) -> list[Forgotten]:
        """Return all notes, the oldest first, and hold none."""
        with self._lock:
            taken = list(self._notes)
            self._notes.clear()
        return taken

    def put_back(self, notes: Iterable[Forgotten]) -> None:
        """Hold what was taken, before what came since; the oldest have no place."""
        with self._lock:
            room = MOST_NOTES - len(self._notes)
            kept = list(notes)[-room:] if room else []
            self._notes.extendleft(reversed(kept))

    def _leave_parent(self) -> None:
        """In a forked child, hold none: the parent writes what it noted."""
        self._lock = threading.Lock()
        self._notes.clear()


def row_of(note: Forgotten) -> CacheForget:
    """Return a note as a row, with nothing in it that a database refuses."""
    return CacheForget(
        at=note.at,
        access=_sound(note.access)[:MOST_LETTERS],
        cause=_sound(note.cause)[:MOST_LETTERS],
        count=note.count,
        keys=joined([_sound(key) for key in note.keys[:MOST_NAMED]]),
        is_cut=note.is_cut or len(note.keys) > MOST_NAMED,
        rows=joined([_sound(row) for row in note.rows[:MOST_NAMED]]),
        author=_sound(note.author)[:MOST_AUTHOR_LETTERS],
    )


def _sound(text: str) -> str:
    """Return a text that can be encoded and stored."""
    encoded = text.encode(errors="replace").decode()
    return encoded.replace("\0", "\N{REPLACEMENT CHARACTER}")


forgets = Forgets()
