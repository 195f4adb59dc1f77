"""Forgetting: entries forgotten by hand, one, those of an access, or all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from workflow_engine.caches.coherence import CellState, Coherence
from workflow_engine.caches.entries import Entries
from workflow_engine.caches.mapping import text_of
from workflow_engine.inspection.keys import AnyQuestion
from workflow_engine.types.event import JSON

#: The cause in the metrics.
BY_HAND: Final = "hand"

#: Told when the server is away: what was asked for is not written down anywhere.
NOT_FORGOTTEN: Final = (
    "Nothing was promised to be forgotten: say it again when the server answers. What "
    "writers owe is safe meanwhile: it stays in the outbox, and is forgotten before any "
    "process answers from the cache again."
)


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """What was forgotten of one access.

    Attributes:
        access: Its name.
        key: As people type it; None = every entry.
        entries: How many were there; None: nobody can count them.
    """

    access: str
    key: str | None
    entries: int | None

    def line(self) -> str:
        """Return what people read."""
        if self.entries is None:
            return f"forgot {self.access}, in every process"
        noun = "entry" if self.entries == 1 else "entries"
        key = "" if self.key is None else f": {self.key}"
        return f"forgot {self.entries} {noun} of {self.access}{key}"

    def json(self) -> JSON:
        """Return it as a JSON value."""
        return {"access": self.access, "key": self.key, "entries": self.entries}


def forget_key(
    coherence: Coherence, question: AnyQuestion, key: Any, *, is_shared: bool
) -> list[Forgotten]:
    """Forget one entry.

    Raises:
        CacheUnavailable: It may still be there.
    """
    there: int | None = None
    if is_shared:
        there = int(coherence.peek(question, key).state is not CellState.ABSENT)
    entries = Entries()
    entries.add(question, [key])
    coherence.forget(entries, BY_HAND)
    return [Forgotten(access=question.name, key=text_of(key), entries=there)]


def forget_all(
    coherence: Coherence, questions: Sequence[AnyQuestion]
) -> list[Forgotten]:
    """Forget every entry of some accesses, however long that takes.

    Raises:
        CacheUnavailable: Some may still be there.
    """
    entries = Entries()
    for question in questions:
        entries.add_all(question)
    there = coherence.forget(entries, BY_HAND)
    return [
        Forgotten(access=one.name, key=None, entries=there.get(one.name))
        for one in questions
    ]
