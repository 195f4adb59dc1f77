"""Verifying: entries that are there, each compared with the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from workflow_engine import clock
from workflow_engine.caches.coherence import Coherence
from workflow_engine.caches.coherence.base import CellState, Peeked
from workflow_engine.caches.mapping import text_of
from workflow_engine.caches.verifier import Verdict, conclude, verify
from workflow_engine.conf import options
from workflow_engine.inspection.keys import AnyQuestion, sample
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
        undecided: Access and key of each entry that differs, and that nobody waited for:
            a write may have been under way.
        left: How many entries were to be compared when the time ran out.
        is_cut: Whether the time ran out before all entries were looked for, so that there
            may be more than `there`.
    """

    there: int = 0
    nameless: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    why_unreadable: Counter[str] = field(default_factory=Counter)
    stale: list[tuple[str, str]] = field(default_factory=list)
    undecided: list[tuple[str, str]] = field(default_factory=list)
    left: int = 0
    is_cut: bool = False

    @property
    def verified(self) -> int:
        """How many entries were compared, or found unreadable."""
        return sum(self.verdicts.values())

    @property
    def moved(self) -> int:
        """How many were filled anew or forgotten while they were compared."""
        return self.verdicts[Verdict.MOVED] + self.verdicts[Verdict.ABSENT]

    def compare(self, coherence: Coherence, question: AnyQuestion, key: Any) -> None:
        """Compare one entry; a stale one is forgotten.

        Raises:
            CacheUnavailable: The server does not answer.
        """
        verdict = verify(coherence, question, key)
        seen = Peeked(state=CellState.VALUE)
        if verdict is Verdict.ABSENT:
            seen = coherence.peek(question, key)
        self._note(question, key, verdict, seen)

    def conclude(
        self,
        coherence: Coherence,
        question: AnyQuestion,
        key: Any,
        verdict: Verdict,
        seen: Peeked,
    ) -> None:
        """Take in what comparing one entry came to; a stale one is forgotten.

        Raises:
            CacheUnavailable: The server does not answer.
        """
        conclude(coherence, question, key, verdict)
        self._note(question, key, verdict, seen)

    def _note(
        self, question: AnyQuestion, key: Any, verdict: Verdict, seen: Peeked
    ) -> None:
        if verdict is Verdict.ABSENT and seen.state is CellState.UNUSABLE:
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
        if self.moved:
            yield f"{self.moved} {_GONE}: nothing to compare"
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


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How far verifying may go while somebody waits for it.

    Attributes:
        most: Entries of each access.
        seconds: After which no more entries are looked for, nor looked at.
        most_wait_seconds: The longest grace period that is waited for; it is waited for
            once, for all entries that differ, beside `seconds`.
    """

    most: int
    seconds: float
    most_wait_seconds: float


@dataclass(frozen=True, kw_only=True)
class _Differing:
    """An entry that differs from the database at the first look."""

    question: AnyQuestion
    key: Any
    nonce: str


def verify_some(
    coherence: Coherence, questions: Sequence[AnyQuestion], limits: Limits
) -> Findings:
    """Compare a sample of the entries of each access; stale ones are forgotten.

    One statement for each access, and one more for each with entries that differ.

    Raises:
        CacheUnavailable: The server does not answer.
    """
    findings = Findings()
    deadline = clock.monotonic() + limits.seconds
    differing: list[_Differing] = []
    for question in questions:
        found = sample(coherence, question, limits.most, deadline=deadline)
        findings.there += found.there
        findings.nameless += found.nameless
        findings.is_cut |= found.is_cut
        seen = _peek(coherence, question, found.keys, deadline)
        findings.left += len(found.keys) - len(seen)
        differing += _compare(findings, coherence, question, seen)
    if limits.most_wait_seconds < options.CACHE_VERIFY_GRACE_SECONDS:
        findings.undecided += [
            (one.question.name, text_of(one.key)) for one in differing
        ]
    elif differing:
        clock.pause(options.CACHE_VERIFY_GRACE_SECONDS)
        _compare_again(findings, coherence, differing)
    return findings


def _peek(
    coherence: Coherence, question: AnyQuestion, keys: Sequence[Any], deadline: float
) -> dict[Any, Peeked]:
    seen: dict[Any, Peeked] = {}
    for key in keys:
        if clock.monotonic() > deadline:
            break
        seen[key] = coherence.peek(question, key)
    return seen


def _compare(
    findings: Findings,
    coherence: Coherence,
    question: AnyQuestion,
    seen: dict[Any, Peeked],
) -> list[_Differing]:
    """Take in what is certain already; return what is not."""
    loaded = question.load(seen)  # after the cells: an old row cannot be what differs
    differing: list[_Differing] = []
    for key, one in seen.items():
        if not one.answers:
            findings.conclude(coherence, question, key, Verdict.ABSENT, one)
        elif one.answers == (loaded[key],):
            findings.conclude(coherence, question, key, Verdict.EQUAL, one)
        else:
            differing.append(_Differing(question=question, key=key, nonce=one.nonce))
    return differing


def _compare_again(
    findings: Findings, coherence: Coherence, differing: Sequence[_Differing]
) -> None:
    """Take in what entries came to that still differ, or no longer, after a while."""
    for question in dict.fromkeys(one.question for one in differing):
        those = [one for one in differing if one.question is question]
        loaded = question.load(one.key for one in those)
        for one in those:
            seen = coherence.peek(question, one.key)
            if seen.nonce != one.nonce or not seen.answers:
                verdict = Verdict.MOVED
            elif seen.answers == (loaded[one.key],):
                verdict = Verdict.EQUAL
            else:
                verdict = Verdict.STALE
            findings.conclude(coherence, question, one.key, verdict, seen)
