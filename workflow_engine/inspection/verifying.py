"""Verifying: entries that are there, each compared with the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from workflow_engine.caches.coherence import Coherence
from workflow_engine.caches.coherence.base import CellState
from workflow_engine.caches.verifier import Verdict, verify
from workflow_engine.inspection.keys import AnyQuestion, text_of
from workflow_engine.types.event import JSON

UNREADABLE: Final = "unreadable"
_GONE: Final = "filled anew or forgotten meanwhile"


@dataclass(kw_only=True)
class Findings:
    """What came of comparing.

    Attributes:
        there: How many entries there are.
        nameless: How many of them could not be compared: their key is not known.
        verdicts: How many entries came to each verdict.
        why_unreadable: How many of the unreadable ones are so for each reason.
        stale: Access and key of each stale entry; they are forgotten by now.
    """

    there: int = 0
    nameless: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    why_unreadable: Counter[str] = field(default_factory=Counter)
    stale: list[tuple[str, str]] = field(default_factory=list)

    @property
    def verified(self) -> int:
        """How many entries were compared, or found unreadable."""
        return sum(self.verdicts.values())

    def compare(self, coherence: Coherence, question: AnyQuestion, key: Any) -> None:
        """Compare one entry; a stale one is forgotten.

        Raises:
            CacheUnavailable: The server does not answer.
        """
        verdict = verify(coherence, question, key)
        if verdict is Verdict.ABSENT:
            seen = coherence.peek(question, key)
            if seen.state is CellState.UNUSABLE:
                self.verdicts[UNREADABLE] += 1
                self.why_unreadable[seen.reason] += 1
                return
        if verdict is Verdict.STALE:
            self.stale.append((question.name, text_of(key)))
        self.verdicts[verdict] += 1

    def lines(self) -> Iterable[str]:
        """Yield what people read."""
        equal, stale = self.verdicts[Verdict.EQUAL], self.verdicts[Verdict.STALE]
        unreadable = self.verdicts[UNREADABLE]
        yield (
            f"verified {self.verified} of {self.there} entries: "
            f"{equal} equal, {stale} stale, {unreadable} unreadable"
        )
        if gone := self.verdicts[Verdict.MOVED] + self.verdicts[Verdict.ABSENT]:
            yield f"{gone} {_GONE}: nothing to compare"
        if self.why_unreadable:
            reasons = " · ".join(f"{why} {n}" for why, n in self.why_unreadable.items())
            yield f"unreadable, so never answered from: {reasons}"
        if self.nameless:
            yield f"{self.nameless} not compared: no row leads to their keys"
        for access, key in self.stale:
            yield f"stale, and forgotten now: {access} {key}"

    def json(self) -> JSON:
        """Return all of it as one JSON value."""
        verdicts = (*Verdict, UNREADABLE)
        return {
            "there": self.there,
            "verified": self.verified,
            **{str(verdict): self.verdicts[verdict] for verdict in verdicts},
            "why_unreadable": dict(self.why_unreadable),
            "not_compared": self.nameless,
            "stale_entries": [{"access": a, "key": k} for a, k in self.stale],
        }
